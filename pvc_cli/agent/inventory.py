"""Make the tree say which PFs and VFs a node has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.agent.cards import Card
from pvc_cli.agent.config import NodeConfig
from pvc_cli.agent.kernel import AT_START, NO_MAC, VfState
from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.sriov.model import SETTINGS, pf_of, text_of
from pvc_cli.cluster.values import natural_key, parse_bool
from pvc_cli.cluster.vms.query import SEE_NODES
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode

_DEFAULT_MTU = 1500


@dataclass(slots=True)
class Inventory:
    """What the tree lacks, or says wrongly, of a node's PFs and VFs."""

    handler: ZKHandler
    parts: list[Transaction] = field(default_factory=list)
    """One for each PF and VF, so that each is written whole."""
    notes: list[str] = field(default_factory=list)
    """What will have been done, in words."""
    warnings: list[str] = field(default_factory=list)

    def commit(self) -> None:
        """Write it, in few transactions."""
        self.handler.commit_parts(self.parts)


def register(handler: ZKHandler, node: str, config: NodeConfig, cards: Sequence[Card]) -> Inventory:
    """Make the tree say which PFs and VFs *node* has, in few transactions; configured values stay.

    :raises NotFoundError: if the tree has no such node.
    :raises ConflictError: if others kept changing the same things.
    """
    return handler.retrying(lambda: survey(handler, node, config, cards))


def survey(handler: ZKHandler, node: str, config: NodeConfig, cards: Sequence[Card]) -> Inventory:
    """Compare *cards* with what the tree says of *node*, in one batch a level.

    :raises NotFoundError: if the tree has no such node.
    """
    containers: list[Key] = [(key, node) for key in ("node.sriov", "node.sriov.pf", "node.sriov.vf")]
    own, *there = handler.look_many([("node", node), *containers])
    if own is None:
        require_node(handler, node, otherwise=f"{SEE_NODES}, or give --node")
    inventory = Inventory(handler)
    base = handler.transaction()
    for key, znode in zip(containers, there, strict=True):
        if znode is None:
            base.create(key)
    inventory.parts.append(base)
    pfs, vfs = (names or [] for names in handler.children_many(containers[1:]))
    schema = handler.schema
    pf_keys = [key for key, _ in schema.keys_of("sriov_pf")]
    vf_keys = [key for key, _ in schema.keys_of("sriov_vf")]
    here = {name: (card, vf) for card in cards for name, vf in card.vfs.items()}
    wanted_pfs, wanted_vfs = [card.device.phy for card in cards], sorted({*here, *vfs}, key=natural_key)
    found = iter(
        handler.look_many(
            [
                *(("node.sriov.pf", node, key, pf) for pf in wanted_pfs for key in pf_keys),
                *(("node.sriov.vf", node, key, vf) for vf in wanted_vfs for key in vf_keys),
            ]
        )
    )
    for card in cards:
        _register_pf(inventory, handler.transaction(), node, card, {key: next(found) for key in pf_keys})
    gone: list[str] = []
    users: dict[str, str] = {}
    for name in wanted_vfs:
        znodes = {key: next(found) for key in vf_keys}
        if name in here:
            _register_vf(inventory, handler.transaction(), node, name, *here[name], znodes)
        elif _left(name, text_of(znodes["sriov_vf.pf"]), config, cards):
            gone.append(name)
            users[name] = text_of(znodes["sriov_vf.used_by"])
    _prune(handler, inventory, node, gone, users, [pf for pf in pfs if pf not in {d.phy for d in config.devices}])
    return inventory


def _left(name: str, pf: str, config: NodeConfig, cards: Sequence[Card]) -> bool:
    """Tell whether a VF that is in the tree, and not in the kernel, left for good."""
    owner = pf or pf_of(name)
    if owner not in {device.phy for device in config.devices}:
        return True
    # A card that is missing, or is not as it should be, may be back after the next reboot.
    return any(card.device.phy == owner and card.sound for card in cards)


def _register_pf(
    inventory: Inventory, part: Transaction, node: str, card: Card, found: Mapping[str, Znode | None]
) -> None:
    device = card.device
    values = {"sriov_pf.mtu": str(device.mtu or _DEFAULT_MTU), "sriov_pf.vfcount": str(device.vfcount)}
    for key, znode in found.items():
        if znode is None or key in values:
            part.ensure(("node.sriov.pf", node, key, device.phy), znode, values.get(key, ""))
    if part.ops:
        inventory.parts.append(part)
        new = found["sriov_pf.phy"] is None
        inventory.notes.append(f"PF {device.phy} {'registered' if new else 'updated'}")


def _register_vf(
    inventory: Inventory,
    part: Transaction,
    node: str,
    name: str,
    card: Card,
    vf: VfState,
    found: Mapping[str, Znode | None],
) -> None:
    """Plan what a VF's subtree lacks; of what is there, only what the kernel decides is brought up to date."""
    facts = {
        "sriov_vf.pf": card.device.phy,
        "sriov_vf.mtu": str(card.device.mtu or _DEFAULT_MTU),
        **dict(
            zip((f"sriov_vf.pci.{part}" for part in ("domain", "bus", "slot", "function")), _pci(vf), strict=True)
        ),
    }
    used = found["sriov_vf.used"]
    if not parse_bool(text_of(used)) and vf.mac != NO_MAC:
        # Some cards have other addresses after each start. Under a VM, the address is the VM's business.
        facts |= {"sriov_vf.phy_mac": vf.mac, "sriov_vf.mac": vf.mac}
    reported = {**AT_START, **vf.config.known()}
    first = {
        "sriov_vf.mac": vf.mac,
        "sriov_vf.phy_mac": vf.mac,
        "sriov_vf.used": "False",
        **{f"sriov_vf.config.{setting}": str(reported[setting]) for setting in SETTINGS},
    }
    for key, znode in found.items():
        if znode is None or key in facts:
            part.ensure(("node.sriov.vf", node, key, name), znode, facts.get(key, first.get(key, "")))
    if part.ops:
        part.guard(("node.sriov.vf", node, "sriov_vf.used", name), used)
        inventory.parts.append(part)
        new = found["sriov_vf.phy"] is None
        inventory.notes.append(f"VF {name} {'registered' if new else 'updated'}")


def _prune(
    handler: ZKHandler,
    inventory: Inventory,
    node: str,
    vfs: Sequence[str],
    users: Mapping[str, str],
    pfs: Sequence[str],
) -> None:
    """Plan the removal of VFs and PFs, VFs first."""
    trees = iter(
        handler.trees(
            [
                *(("node.sriov.vf", node, "sriov_vf", vf) for vf in vfs),
                *(("node.sriov.pf", node, "sriov_pf", pf) for pf in pfs),
            ]
        )
    )
    holders = sorted({user for user in users.values() if user})
    names = dict(zip(holders, handler.read_many(("domain", uuid) for uuid in holders), strict=True))
    for kind, name in (*(("VF", vf) for vf in vfs), *(("PF", pf) for pf in pfs)):
        part = handler.transaction()
        part.delete_tree(next(trees))
        inventory.parts.append(part)
        inventory.notes.append(f"{kind} {name} pruned")
        if kind == "VF" and users[name]:
            vm = names[users[name]] or "an unknown VM"
            inventory.warnings.append(f"VF {name} is pruned, and was used by {vm} ({users[name]})")


def _pci(vf: VfState) -> tuple[str, str, str, str]:
    """Return a PCI address in its four parts, empty where there is none."""
    domain, _, rest = vf.pci.partition(":")
    bus, _, place = rest.partition(":")
    slot, _, function = place.partition(".")
    return domain, bus, slot, function
