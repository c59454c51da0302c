"""Which PFs and VFs leave the tree, and which are kept although no card has them.

Settings and claims are what people entered; a boot with too few VFs, a new name or a slip in the configuration must
not destroy them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.agent.cards import Card
from pvc_cli.agent.journal import Priority
from pvc_cli.cluster.sriov.model import VfRef, pf_of, text_of
from pvc_cli.cluster.sriov.report import State
from pvc_cli.cluster.sriov.transfer import Found, pci_of
from pvc_cli.cluster.sriov.users import held, read_users
from pvc_cli.cluster.values import natural_key, parse_bool
from pvc_cli.zk import Transaction, ZKHandler, Znode


@dataclass(frozen=True, slots=True)
class Gone:
    """A VF in the tree that no card has."""

    pf: str
    index: int
    pci: str
    claimed: bool
    user: str
    """The UUID of the VM that it is claimed for, or empty."""

    @classmethod
    def of(cls, name: str, found: Found) -> "Gone":
        """Return what its znodes say."""
        pf = text_of(found["sriov_vf.pf"]) or pf_of(name)
        index = name.removeprefix(f"{pf}v")
        user = text_of(found["sriov_vf.used_by"])
        claimed = bool(user) or bool(parse_bool(text_of(found["sriov_vf.used"])))
        return cls(pf, int(index) if index.isdecimal() else 0, pci_of(found), claimed, user)


@dataclass(slots=True)
class Pruning:
    """What to remove, and what is kept."""

    parts: list[tuple[Transaction, str, Priority]] = field(default_factory=list)
    absent: dict[str, tuple[State, str]] = field(default_factory=dict)
    running: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By orphaned VF, the names of the VMs that run with it."""


def plan_prune(
    handler: ZKHandler,
    node: str,
    configured: Mapping[str, int],
    cards: Sequence[Card],
    gone: Mapping[str, Gone],
    pfs: Iterable[str],
    *,
    whole: bool,
    kept: Collection[str],
    prune: bool,
) -> Pruning:
    """Decide about the VFs that are *gone*, and about the registered *pfs*.

    Removed is what the configuration no longer asks for: VFs of a PF that left it, or with an index that it no longer
    has. Not, unless *prune* is set, one that a VM uses, nor everything that the node has, nor what is to be *kept*.

    :param configured: by PF, how many VFs it is to have.
    :param whole: whether no card has any of the registered VFs.
    """
    plan = Pruning()
    settled = {card.device.phy for card in cards if card.healthy}
    unwanted = {
        name: vf
        for name, vf in gone.items()
        if vf.pf not in configured or (vf.index >= configured[vf.pf] and (prune or vf.pf in settled))
    }
    for name, vf in gone.items():
        beyond = vf.index >= configured.get(vf.pf, 0)
        plan.absent[name] = ("orphaned" if beyond else "missing", vf.pf)
    all_at_once = whole or not configured
    removed = dict(unwanted)
    if not prune:
        users = read_users(handler, node) if unwanted else []
        taken = held(users)
        removed = {
            name: vf
            for name, vf in unwanted.items()
            if not (all_at_once or name in kept or vf.claimed or taken & {(node, name), (node, vf.pci)})
        }
        for name in unwanted.keys() - removed.keys():
            pci, ref = unwanted[name].pci, VfRef(node, name)
            if vms := [user.ref.name for user in users if user.may_hold(ref) and user.use_of(name, pci)]:
                plan.running[name] = tuple(vms)
    _remove_vfs(handler, node, removed, plan)
    needed = {pf for _, pf in plan.absent.values()}
    left = [pf for pf in pfs if pf not in configured and pf not in needed]
    # A PF without VFs has nothing to lose, but a list that is empty is more likely a slip than a wish.
    if configured or prune:
        for pf, tree in _trees(handler, node, "pf", left):
            part = handler.transaction()
            part.delete_tree(tree)
            plan.parts.append((part, f"PF {pf} pruned", "notice"))
    return plan


def _remove_vfs(handler: ZKHandler, node: str, removed: Mapping[str, Gone], plan: Pruning) -> None:
    users = sorted({vf.user for vf in removed.values() if vf.user})
    vms = dict(zip(users, handler.read_many(("domain", uuid) for uuid in users), strict=True))
    for name, tree in _trees(handler, node, "vf", sorted(removed, key=natural_key)):
        del plan.absent[name]
        part = handler.transaction()
        part.delete_tree(tree)
        if user := removed[name].user:
            text = f"VF {name} pruned while in use by VM {vms[user] or 'unknown'} ({user})"
            plan.parts.append((part, text, "warning"))
        else:
            plan.parts.append((part, f"VF {name} pruned", "notice"))


def _trees(
    handler: ZKHandler, node: str, kind: str, names: Sequence[str]
) -> Iterable[tuple[str, Mapping[str, Znode]]]:
    trees = handler.read_trees((f"node.sriov.{kind}", node, f"sriov_{kind}", name) for name in names)
    return zip(names, trees, strict=True)
