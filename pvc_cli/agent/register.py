"""Register a node's PFs and VFs in the tree; what a card no longer has is kept, unless it may be pruned."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pvc_cli.agent.cards import Card
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.journal import Priority
from pvc_cli.agent.kernel import AT_START, NO_MAC, VfState
from pvc_cli.agent.prune import Gone, plan_prune
from pvc_cli.cluster.nodes import SEE_NODES, require_node
from pvc_cli.cluster.sriov.model import SETTINGS, text_of
from pvc_cli.cluster.sriov.report import State
from pvc_cli.cluster.sriov.transfer import Found, find_heirs, inherited, pci_of, read_items
from pvc_cli.cluster.values import natural_key, parse_bool
from pvc_cli.zk import Key, Lock, Transaction, ZKHandler, Znode

_DEFAULT_MTU = 1500
SEE_NODE = f"{SEE_NODES}, or use --node"


Item = tuple[str, str]
"""A PF or VF: ``pf`` or ``vf``, and its name."""


class Heritage(NamedTuple):
    """What a VF leaves that has another name now: its znodes by key, and all of them by path."""

    name: str
    found: Found
    tree: Mapping[str, Znode]


@dataclass(slots=True)
class Plan:
    """What to change in the tree to register a node's PFs and VFs."""

    handler: ZKHandler
    lock: Lock | None = None
    """Guards every part, if given: an agent that lost it writes nothing."""
    parts: list[Transaction] = field(default_factory=list)
    """One for each PF and VF, so that each is written whole."""
    lines: list[tuple[str, Priority]] = field(default_factory=list)
    """What to write to the journal once that is done."""
    absent: dict[str, tuple[State, str]] = field(default_factory=dict)
    """The VFs that stay in the tree although no card has them: missing or orphaned, and their PF."""
    running: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By orphaned VF, the names of the VMs that run with it."""
    names: frozenset[Item] = frozenset()
    """The PFs and VFs that are registered once that is done."""
    torn: frozenset[Item] = frozenset()
    """Those of which the tree lacks something, or all: they are new, or somebody is deleting them."""

    def commit(self) -> None:
        """Carry it out, in few transactions."""
        self.handler.commit_parts(self.parts)

    def add(self, part: Transaction, text: str, priority: Priority = "notice") -> None:
        """Add a part, unless it changes nothing."""
        if part.changes:
            if self.lock:
                part.fence(self.lock)
            self.parts.append(part)
            self.lines.append((text, priority))


def plan_registration(
    handler: ZKHandler,
    node: str,
    config: NodeConfig,
    cards: Sequence[Card],
    *,
    lock: Lock | None = None,
    kept: Collection[str] = (),
    prune: bool = False,
) -> Plan:
    """Compare *cards* with the tree of *node*, in one batch a level; configured settings stay.

    A VF that is gone under one name and here under another, by PCI or hardware address, keeps its settings and user.

    :param kept: the VFs that were orphaned before, and so are not pruned.
    :param prune: remove all that is neither configured nor there, used or not.
    :raises NotFoundError: if the tree has no such node.
    """
    plan = Plan(handler, lock)
    containers: list[Key] = [(key, node) for key in ("node.sriov", "node.sriov.pf", "node.sriov.vf")]
    own, *there = handler.get_znodes([("node", node), *containers])
    if own is None:
        require_node(handler, node, otherwise=SEE_NODE)
    base = handler.transaction()
    for key, znode in zip(containers, there, strict=True):
        if znode is None:
            base.create(key)
    plan.parts.append(base)
    registered_pfs, registered_vfs = (names or [] for names in handler.children_many(containers[1:]))
    # A card that is away, or new, may be the one that left the configuration: a slip, or another name of it.
    doubtful = not all(card.present and card.healthy and card.device.phy in registered_pfs for card in cards)
    cards = [card for card in cards if card.present]
    here = {name: (card, vf) for card in cards for name, vf in card.vfs.items()}
    vfs = sorted({*here, *registered_vfs}, key=natural_key)
    configured = {device.phy: device.vfcount for device in config.devices}
    pfs = {*(card.device.phy for card in cards), *registered_pfs}
    items = read_items(handler, node, [*(("pf", pf) for pf in pfs), *(("vf", name) for name in vfs)])
    for card in cards:
        _plan_pf(plan, node, card, items["pf", card.device.phy])
    gone = {name: Gone.of(name, items["vf", name]) for name in vfs if name not in here}
    heirs = find_heirs(
        {name: items["vf", name] for name, vf in gone.items() if vf.pf not in configured},
        {name: (vf.pci, vf.mac) for name, (_, vf) in here.items() if items["vf", name]["sriov_vf.phy"] is None},
    )
    trees = handler.read_trees(("node.sriov.vf", node, "sriov_vf", old) for old in heirs.values())
    heritage = {
        name: Heritage(old, items["vf", old], tree) for (name, old), tree in zip(heirs.items(), trees, strict=True)
    }
    for name in here:
        _plan_vf(plan, node, name, *here[name], items["vf", name], heritage.get(name))
    for old in heirs.values():
        del gone[old]
    left = {pf: text_of(items["pf", pf]["sriov_pf.vfcount"]) for pf in registered_pfs if pf not in configured}
    # Also what an earlier agent kept.
    given_up = {pf for pf, count in left.items() if count not in ("", "0") and not doubtful}
    kept = {*kept, *(name for name, vf in gone.items() if vf.pf not in configured and vf.pf not in given_up)}
    whole = here.keys().isdisjoint(registered_vfs)
    pruning = plan_prune(handler, node, configured, cards, gone, registered_pfs, whole=whole, kept=kept, prune=prune)
    for part, text, priority in pruning.parts:
        plan.add(part, text, priority)
    plan.absent, plan.running = pruning.absent, pruning.running
    # An empty list is a slip: it gives up nothing.
    for pf in sorted(left.keys() & {pf for _, pf in plan.absent.values()} if configured else ()):
        part = handler.transaction()
        part.ensure(("node.sriov.pf", node, "sriov_pf.vfcount", pf), items["pf", pf]["sriov_pf.vfcount"], "0")
        plan.add(part, f"PF {pf} left the configuration: kept, as its VFs are orphaned")
    plan.names = frozenset({*(("pf", card.device.phy) for card in cards), *(("vf", name) for name in here)})
    plan.torn = frozenset(item for item in plan.names if None in items[item].values())
    return plan


def _plan_item(
    plan: Plan,
    node: str,
    kind: str,
    name: str,
    found: Found,
    facts: Mapping[str, str],
    first: Mapping[str, str],
) -> Transaction:
    """Return what sets the keys of a PF or VF to *facts*, and missing ones to their *first* values."""
    part = plan.handler.transaction()
    for key, znode in found.items():
        if znode is None or key in facts:
            part.ensure((f"node.sriov.{kind}", node, key, name), znode, facts.get(key, first.get(key, "")))
    return part


def _done(found: Found, kind: str) -> str:
    return "registered" if found[f"sriov_{kind}.phy"] is None else "updated"


def _plan_pf(plan: Plan, node: str, card: Card, found: Found) -> None:
    device = card.device
    facts = {"sriov_pf.mtu": str(device.mtu or _DEFAULT_MTU), "sriov_pf.vfcount": str(device.vfcount)}
    part = _plan_item(plan, node, "pf", device.phy, found, facts, {})
    plan.add(part, f"PF {device.phy} {_done(found, 'pf')}")


def _plan_vf(
    plan: Plan, node: str, name: str, card: Card, vf: VfState, found: Found, heritage: Heritage | None
) -> None:
    """Plan a VF's missing keys; of existing ones, update only what the kernel decides.

    :param heritage: of the same VF under an earlier name, which goes.
    """
    pci = zip(("domain", "bus", "slot", "function"), [*re.split("[:.]", vf.pci), "", "", ""], strict=False)
    place = {f"sriov_vf.pci.{key}": value for key, value in pci}
    facts = {"sriov_vf.pf": card.device.phy, "sriov_vf.mtu": str(card.device.mtu or _DEFAULT_MTU)}
    if vf.pci:
        facts |= place
    macs = {"sriov_vf.phy_mac": vf.mac, "sriov_vf.mac": vf.mac}
    used = (heritage.found if heritage else found)["sriov_vf.used"]
    if vf.mac != NO_MAC:
        if not parse_bool(text_of(used)):
            # Some cards have other addresses after each start. Under a VM, the address is the VM's business.
            facts |= macs
        elif vf.mtu is not None and text_of(found["sriov_vf.phy_mac"]) == NO_MAC:
            # It was used before its address arrived.
            facts["sriov_vf.phy_mac"] = vf.mac
    settings = {**AT_START, **vf.config.known()}
    configs = {f"sriov_vf.config.{name}": str(settings[name]) for name in SETTINGS}
    first = {**place, **macs, **configs, "sriov_vf.used": "False", **(inherited(heritage.found) if heritage else {})}
    part = _plan_item(plan, node, "vf", name, found, facts, first)
    text = f"VF {name} {_done(found, 'vf')}"
    if heritage:
        part.guard(("node.sriov.vf", node, "sriov_vf.used", heritage.name), used)
        part.delete_tree(heritage.tree)
        same = "PCI" if vf.pci and vf.pci == pci_of(heritage.found) else "MAC"
        text += f" with the settings of {heritage.name}, which has the same {same} address"
    else:
        part.guard(("node.sriov.vf", node, "sriov_vf.used", name), used)
    plan.add(part, text)
