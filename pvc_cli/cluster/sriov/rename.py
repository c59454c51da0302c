"""Give a PF in the tree another name, with its VFs, their settings and their claims."""

from dataclasses import dataclass, field

from pvc_cli.cluster.sriov.model import VfRef, find_pf, text_of
from pvc_cli.cluster.sriov.transfer import Found, inherited, read_items
from pvc_cli.cluster.sriov.users import read_users
from pvc_cli.cluster.values import parse_bool
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import InvalidInputError, RefusedError, quoted
from pvc_cli.zk import Change, Transaction, ZKHandler

_LONGEST = 15
"""Linux's names of network devices have at most so many bytes."""


@dataclass(slots=True)
class Renaming:
    """What gives a PF another name: one transaction for each VF, so that each is moved whole, and two for the PF."""

    handler: ZKHandler
    vfs: list[tuple[VfRef, VfRef]] = field(default_factory=list)
    """Each VF, and what it is called afterwards."""
    vms: tuple[VmRef, ...] = ()
    """The VMs of the node that have one of them in their XML by its old name."""
    parts: list[Transaction] = field(default_factory=list)

    @property
    def changes(self) -> list[Change]:
        """What would be changed, in order."""
        return [change for part in self.parts for change in part.changes]

    def commit(self) -> None:
        """Carry it out, in few transactions; after an interruption, the same command finishes it."""
        self.handler.commit_parts(self.parts)


def rename_pf(handler: ZKHandler, node: str, old: str, new: str, *, dry_run: bool = False) -> Renaming:
    """Move what the tree has of a PF, its VFs' settings and claims included, to another name.

    VFs that are registered under the new name, as the agent does it, take over the settings of the old ones.

    :returns: what was done, or with *dry_run* would be.
    :raises InvalidInputError: if *new* cannot be the name of a network device, or is *old*.
    :raises NotFoundError: if there is no such node or PF.
    :raises RefusedError: if a VF of the new name is in use.
    :raises ConflictError: if others kept changing the same things.
    """
    if not 0 < len(new.encode(errors="replace")) <= _LONGEST or not new.isprintable() or set(new) & set(" /:"):
        raise InvalidInputError(f"invalid name {quoted(new)}: give that of a network device, such as ens1f0np0")
    if new == old:
        raise InvalidInputError(f"{quoted(new)} is both the old and the new name: give another")

    def plan() -> Renaming:
        return _plan(handler, node, old, new)

    return plan() if dry_run else handler.retrying(plan)


def _plan(handler: ZKHandler, node: str, old: str, new: str) -> Renaming:
    pf = find_pf(handler, node, old)
    names = {name: new + name.removeprefix(old) for name in pf.vfs if name.startswith(f"{old}v")}
    users = read_users(handler, node)
    vms = tuple(user.ref for user in users if any(use.vf in names for use in user.uses))
    refs = [(VfRef(node, name), VfRef(node, to)) for name, to in names.items()]
    plan = Renaming(handler, refs, vms)
    found = read_items(handler, node, [("pf", new), *(("vf", name) for pair in names.items() for name in pair)])
    trees = handler.read_trees(
        [
            *(("node.sriov.vf", node, "sriov_vf", name) for name in names),
            ("node.sriov.pf", node, "sriov_pf", old),
        ]
    )
    if found["pf", new]["sriov_pf.phy"] is None:
        part = handler.transaction()
        values = {"sriov_pf.mtu": pf.mtu, "sriov_pf.vfcount": pf.vfcount}
        for key in found["pf", new]:
            value = values.get(key)
            part.create(("node.sriov.pf", node, key, new), "" if value is None else str(value))
        plan.parts.append(part)
    for (name, to), tree in zip(names.items(), trees[:-1], strict=True):
        part = _move(handler, node, to, new, found["vf", name], found["vf", to])
        part.delete_tree(tree)
        plan.parts.append(part)
    part = handler.transaction()
    part.delete_tree(trees[-1])
    plan.parts.append(part)
    return plan


def _move(handler: ZKHandler, node: str, to: str, pf: str, source: Found, target: Found) -> Transaction:
    part = handler.transaction()
    is_new = target["sriov_vf.phy"] is None
    if not is_new and (parse_bool(text_of(target["sriov_vf.used"])) or text_of(target["sriov_vf.used_by"])):
        raise RefusedError(
            f"{VfRef(node, to)} is in use: release it first with 'pvc sriov vf release {node} {to}', or check it with"
            f" 'pvc sriov vf info {node} {to}'"
        )
    values = {key: text_of(znode) for key, znode in source.items()} if is_new else inherited(source)
    values["sriov_vf.pf"] = pf
    if not is_new and not parse_bool(values.get("sriov_vf.used")):
        # Unused, it has the address that the card has now.
        values = {key: value for key, value in values.items() if key not in ("sriov_vf.mac", "sriov_vf.phy_mac")}
    for key, znode in target.items():
        if znode is None or key in values:
            part.ensure(("node.sriov.vf", node, key, to), znode, values.get(key, ""))
    return part
