"""Register a node's PFs and VFs in the tree, and prune those that it no longer has."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.agent.cards import Card
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.journal import Priority
from pvc_cli.agent.kernel import AT_START, NO_MAC, VfState
from pvc_cli.cluster.nodes import SEE_NODES, require_node
from pvc_cli.cluster.sriov.model import SETTINGS, pf_of, text_of
from pvc_cli.cluster.values import natural_key, parse_bool
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode

_DEFAULT_MTU = 1500
Found = Mapping[str, Znode | None]
"""By key, the znodes of one PF or VF as they were read."""


@dataclass(slots=True)
class Plan:
    """What to change in the tree to register a node's PFs and VFs."""

    handler: ZKHandler
    parts: list[Transaction] = field(default_factory=list)
    """One for each PF and VF, so that each is written whole."""
    lines: list[tuple[str, Priority]] = field(default_factory=list)
    """What to write to the journal once that is done."""

    def commit(self) -> None:
        """Carry it out, in few transactions."""
        self.handler.commit_parts(self.parts)

    def add(self, part: Transaction, text: str, priority: Priority = "notice") -> None:
        """Add a part, unless it changes nothing."""
        if part.changes:
            self.parts.append(part)
            self.lines.append((text, priority))


def plan_registration(handler: ZKHandler, node: str, config: NodeConfig, cards: Sequence[Card]) -> Plan:
    """Compare *cards* with the tree of *node*, in one batch a level; configured settings stay.

    :raises NotFoundError: if the tree has no such node.
    """
    plan = Plan(handler)
    containers: list[Key] = [(key, node) for key in ("node.sriov", "node.sriov.pf", "node.sriov.vf")]
    own, *there = handler.get_znodes([("node", node), *containers])
    if own is None:
        require_node(handler, node, otherwise=f"{SEE_NODES}, or use --node")
    base = handler.transaction()
    for key, znode in zip(containers, there, strict=True):
        if znode is None:
            base.create(key)
    plan.parts.append(base)
    registered_pfs, registered_vfs = (names or [] for names in handler.children_many(containers[1:]))
    here = {name: (card, vf) for card in cards for name, vf in card.vfs.items()}
    vfs = sorted({*here, *registered_vfs}, key=natural_key)
    items = _read(handler, node, [*(("pf", card.device.phy) for card in cards), *(("vf", name) for name in vfs)])
    for card in cards:
        _plan_pf(plan, node, card, items["pf", card.device.phy])
    gone = {}
    for name in vfs:
        found = items["vf", name]
        if name in here:
            _plan_vf(plan, node, name, *here[name], found)
        elif _left(name, text_of(found["sriov_vf.pf"]), config, cards):
            gone[name] = text_of(found["sriov_vf.used_by"])
    configured = {device.phy for device in config.devices}
    _plan_prune(plan, node, gone, [pf for pf in registered_pfs if pf not in configured])
    return plan


def _read(handler: ZKHandler, node: str, items: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Found]:
    """Return the znodes of PFs and VFs, each given by kind and name, in one batch."""
    keys = {kind: [key for key, _ in handler.schema.keys_of(f"sriov_{kind}")] for kind in ("pf", "vf")}
    found = iter(
        handler.get_znodes((f"node.sriov.{kind}", node, key, name) for kind, name in items for key in keys[kind])
    )
    return {(kind, name): {key: next(found) for key in keys[kind]} for kind, name in items}


def _left(name: str, pf: str, config: NodeConfig, cards: Sequence[Card]) -> bool:
    """Tell whether a VF that is in the tree but not in the kernel is gone for good."""
    owner = pf or pf_of(name)
    if owner not in {device.phy for device in config.devices}:
        return True
    # A card that is missing, or is not healthy, may be back after the next reboot.
    return any(card.device.phy == owner and card.healthy for card in cards)


def _plan_item(
    plan: Plan, node: str, kind: str, name: str, found: Found, facts: Mapping[str, str], first: Mapping[str, str]
) -> Transaction:
    """Return what sets the keys of a PF or VF to *facts*, and missing ones to their *first* values."""
    part = plan.handler.transaction()
    for key, znode in found.items():
        if znode is None or key in facts:
            part.ensure((f"node.sriov.{kind}", node, key, name), znode, facts.get(key, first.get(key, "")))
    done = "registered" if found[f"sriov_{kind}.phy"] is None else "updated"
    plan.add(part, f"{kind.upper()} {name} {done}")
    return part


def _plan_pf(plan: Plan, node: str, card: Card, found: Found) -> None:
    device = card.device
    facts = {"sriov_pf.mtu": str(device.mtu or _DEFAULT_MTU), "sriov_pf.vfcount": str(device.vfcount)}
    _plan_item(plan, node, "pf", device.phy, found, facts, {})


def _plan_vf(plan: Plan, node: str, name: str, card: Card, vf: VfState, found: Found) -> None:
    """Plan a VF's missing keys; of existing ones, update only what the kernel decides."""
    pci = zip(("domain", "bus", "slot", "function"), [*re.split("[:.]", vf.pci), "", "", ""], strict=False)
    facts = {
        "sriov_vf.pf": card.device.phy,
        "sriov_vf.mtu": str(card.device.mtu or _DEFAULT_MTU),
        **{f"sriov_vf.pci.{key}": value for key, value in pci},
    }
    macs = {"sriov_vf.phy_mac": vf.mac, "sriov_vf.mac": vf.mac}
    used = found["sriov_vf.used"]
    if not parse_bool(text_of(used)) and vf.mac != NO_MAC:
        # Some cards have other addresses after each start. Under a VM, the address is the VM's business.
        facts |= macs
    settings = {**AT_START, **vf.config.known()}
    configs = {f"sriov_vf.config.{name}": str(settings[name]) for name in SETTINGS}
    part = _plan_item(plan, node, "vf", name, found, facts, {**macs, **configs, "sriov_vf.used": "False"})
    part.guard(("node.sriov.vf", node, "sriov_vf.used", name), used)


def _plan_prune(plan: Plan, node: str, vfs: Mapping[str, str], pfs: Sequence[str]) -> None:
    """Plan the removal of VFs, given with the UUIDs of their users, and of PFs."""
    handler = plan.handler
    users = sorted({user for user in vfs.values() if user})
    vms = dict(zip(users, handler.read_many(("domain", uuid) for uuid in users), strict=True))
    gone = [("vf", name, user) for name, user in vfs.items()] + [("pf", name, "") for name in pfs]
    trees = handler.read_trees((f"node.sriov.{kind}", node, f"sriov_{kind}", name) for kind, name, _ in gone)
    for (kind, name, user), tree in zip(gone, trees, strict=True):
        part = handler.transaction()
        part.delete_tree(tree)
        if user:
            plan.add(part, f"VF {name} pruned while in use by VM {vms[user] or 'unknown'} ({user})", "warning")
        else:
            plan.add(part, f"{kind.upper()} {name} pruned")
