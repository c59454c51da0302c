"""Plan what becomes of VMs' tags that are added, removed or renamed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pvc_cli.cluster.values import parse_bool, parse_flag
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.tagging import Outcome, Plan, Status, TagType, VmChange, check_tag_name
from pvc_cli.cluster.vms.tags import CONTAINER
from pvc_cli.errors import InvalidInputError, quoted
from pvc_cli.zk import Transaction, ZKHandler, Znode
from pvc_cli.zk.names import check_item
from pvc_cli.zk.transaction import changes_of, refuse_contenders

TAG_KEYS = ("tag", "tag.type", "tag.protected")
"""A tag's own znode, its type, its protection."""


def plan_add(
    names: Sequence[str],
    *,
    kind: TagType = "user",
    protected: bool | None = None,
    force: bool = False,
    any_name: bool = False,
) -> Plan:
    """Return the plan that adds tags to VMs, for :func:`change_tags`.

    :param protected: whether the tag is; None leaves an existing tag's protection as it is.
    :param force: turn a `system` tag into a `user` one where *kind* says so.
    :param any_name: take names that a shell or a filter could take for something else, too.
    :raises InvalidInputError: if a name cannot be a tag's.
    """
    wanted = list(dict.fromkeys(check_tag_name(name, any_name=any_name) for name in names))

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[VmChange]:
        return [
            _guarded(_add(handler.transaction(), found, kind, protected, force=force), found.own)
            for found in _look(handler, vms, wanted)
        ]

    return plan


def plan_remove(names: Sequence[str], *, force: bool = False, if_exists: bool = False) -> Plan:
    """Return the plan that removes tags from VMs, for :func:`change_tags`.

    :param force: remove a protected or a `system` tag as well.
    :param if_exists: skip a VM that does not have the tag, instead of refusing it.
    :raises InvalidItemError: if a name cannot be a znode's.
    """
    wanted = list(dict.fromkeys(check_item(name, "tag") for name in names))

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[VmChange]:
        owners = handler.get_znodes(("domain", vm.uuid) for vm in vms)
        trees = iter(handler.read_trees((CONTAINER, vm.uuid, "tag", name) for vm in vms for name in wanted))
        steps = []
        for vm, own in zip(vms, owners, strict=True):
            tags = {name: next(trees) for name in wanted}
            if own:
                step = _remove(handler.transaction(), vm, tags, force=force, if_exists=if_exists)
                steps.append(_guarded(step, own))
            else:
                steps.append(_gone(handler.transaction(), vm, wanted))
        return steps

    return plan


def plan_rename(old: str, new: str, *, force: bool = False, any_name: bool = False) -> Plan:
    """Return the plan that renames a tag on VMs, for :func:`change_tags`; type and protection stay.

    :param force: rename a protected or a `system` tag as well, and drop *old* where a VM has both.
    :raises InvalidInputError: if *new* cannot be a tag's name, or is *old*.
    """
    check_item(old, "tag")
    if check_tag_name(new, any_name=any_name) == old:
        raise InvalidInputError(f"the tag is called {quoted(old)} already: give another name")

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[VmChange]:
        trees = handler.read_trees((CONTAINER, vm.uuid, "tag", old) for vm in vms)
        states = _look(handler, vms, [old, new])
        return [
            _guarded(_rename(handler.transaction(), state, tree, old, new, force=force), state.own)
            for state, tree in zip(states, trees, strict=True)
        ]

    return plan


@dataclass(frozen=True, slots=True)
class _State:
    """The requested tags of one VM, as read."""

    vm: VmRef
    own: Znode | None
    """The VM's own znode."""
    container: bool
    tags: dict[str, tuple[Znode | None, Znode | None, Znode | None]]
    """By name: the tag's own znode, its type, its protection."""


def _look(handler: ZKHandler, vms: Sequence[VmRef], names: Sequence[str]) -> list[_State]:
    """Read the tags called *names* of *vms*, in one batch."""
    found = iter(
        handler.get_znodes(
            key
            for vm in vms
            for key in (
                ("domain", vm.uuid),
                (CONTAINER, vm.uuid),
                *((CONTAINER, vm.uuid, key, name) for name in names for key in TAG_KEYS),
            )
        )
    )
    return [
        _State(
            vm,
            next(found),
            next(found) is not None,
            {name: (next(found), next(found), next(found)) for name in names},
        )
        for vm in vms
    ]


def _guarded(step: VmChange, own: Znode | None) -> VmChange:
    """Return *step*, guarded by the VM's *own* znode if it changes anything: it is for the VM of this name."""
    if step.transaction.ops:
        step.transaction.guard(("domain", step.vm.uuid), own)
    return step


def _gone(transaction: Transaction, vm: VmRef, names: Iterable[str]) -> VmChange:
    """Return the refusal for a VM that was deleted since it was found."""
    return VmChange(vm, transaction, [Outcome(vm, name, "refused", "the VM no longer exists") for name in names])


def _add(transaction: Transaction, state: _State, kind: TagType, protected: bool | None, *, force: bool) -> VmChange:
    """Plan one VM's new tags: write only what differs, guarded by what was read."""
    if state.own is None:
        return _gone(transaction, state.vm, state.tags)
    outcomes = []
    container = state.container
    for name, found in state.tags.items():
        if why := refusal(found[1], kind, force=force):
            outcomes.append(Outcome(state.vm, name, "refused", why))
            continue
        before = len(transaction.ops)
        if not container:
            transaction.create((CONTAINER, state.vm.uuid))
            container = True
        # What an existing tag lacks is completed.
        protection = protected if found[2] else bool(protected)
        if ensure_tag(transaction, state.vm, name, found, kind, protection):
            changes = changes_of(transaction.ops[before:])
            outcomes.append(Outcome(state.vm, name, "changed", "updated" if found[0] else "added", changes))
        else:
            outcomes.append(Outcome(state.vm, name, "unchanged", "already set"))
    return VmChange(state.vm, transaction, outcomes)


def refusal(old_type: Znode | None, kind: TagType | None, *, force: bool) -> str:
    """Return why a tag's type must not become *kind*, or nothing."""
    if old_type and old_type.text == "system" and kind == "user" and not force:
        return "it is a system tag; use --force to make it a user tag"
    return ""


def ensure_tag(
    transaction: Transaction,
    vm: VmRef,
    name: str,
    found: tuple[Znode | None, Znode | None, Znode | None],
    kind: TagType | None,
    protected: bool | None,
) -> bool:
    """Give a VM a tag: write only what differs, guarded by what was read.

    :param found: the tag's own znode, its type, its protection.
    :param kind: None leaves an existing tag's type as it is, even missing; so does *protected* with its protection.
    :returns: whether that takes a change.
    """
    own, old_type, old_protected = found
    key = (CONTAINER, vm.uuid)
    stays = own and (protected is None or (old_protected and protected == parse_flag(old_protected.text)))
    values = {
        "tag": (own, name),
        "tag.type": (old_type, kind or (None if own else "user")),
        "tag.protected": (old_protected, None if stays else str(bool(protected))),
    }
    before = len(transaction.ops)
    steady = [
        (part, znode)
        for part, (znode, value) in values.items()
        if value is None or not transaction.ensure((*key, part, name), znode, value)
    ]
    if len(transaction.ops) == before:
        return False
    for part, znode in steady:
        transaction.guard((*key, part, name), znode)
    return True


def _rename(
    transaction: Transaction, state: _State, tree: dict[str, Znode], old: str, new: str, *, force: bool
) -> VmChange:
    """Plan the new name of one VM's tag, guarded by what was read."""

    def outcome(status: Status, detail: str) -> VmChange:
        return VmChange(state.vm, transaction, [Outcome(state.vm, old, status, detail, transaction.changes)])

    if state.own is None:
        return _gone(transaction, state.vm, [old])
    own, kind, protected = state.tags[old]
    if own is None or not tree:
        return outcome("unchanged", "the VM does not have it")
    if (why := bound(kind, protected)) and not force:
        return outcome("refused", f"it is {why}; use --force to rename it")
    key, there = (CONTAINER, state.vm.uuid), state.tags[new][0]
    if there and not force:
        return outcome("refused", f"the VM has a tag {quoted(new)}, too; use --force to drop {quoted(old)}")
    refuse_contenders(tree)
    if there:
        transaction.guard((*key, "tag", new), there)
    else:
        for part, value in zip(
            TAG_KEYS, (new, kind.text if kind else "user", str(is_protected(protected))), strict=True
        ):
            transaction.create((*key, part, new), value)
    transaction.delete_item(tree)
    return outcome("changed", f"dropped for {quoted(new)}" if there else f"renamed to {quoted(new)}")


def is_protected(znode: Znode | None) -> bool:
    """Tell whether the znode of a tag's protection says so."""
    return bool(znode and parse_bool(znode.text))


def bound(kind: Znode | None, protected: Znode | None) -> str:
    """Return what keeps a tag from being removed, or nothing."""
    return "a system tag" if kind and kind.text == "system" else "protected" if is_protected(protected) else ""


def _remove(
    transaction: Transaction, vm: VmRef, tags: dict[str, dict[str, Znode]], *, force: bool, if_exists: bool
) -> VmChange:
    """Plan the removal of *tags*, given as their subtrees, from one VM, guarded by what was read."""
    outcomes = []
    for name, tree in tags.items():
        if not tree:
            if if_exists:
                outcomes.append(Outcome(vm, name, "unchanged", "the VM does not have it"))
            else:
                outcomes.append(Outcome(vm, name, "refused", "the VM does not have it; use --if-exists to skip it"))
            continue
        kind, protected = (
            tree.get(transaction.schema.path((CONTAINER, vm.uuid, key, name)) or "")
            for key in ("tag.type", "tag.protected")
        )
        if (why := bound(kind, protected)) and not force:
            outcomes.append(Outcome(vm, name, "refused", f"it is {why}; use --force to remove it"))
            continue
        refuse_contenders(tree)
        before = len(transaction.ops)
        transaction.delete_item(tree)
        outcomes.append(Outcome(vm, name, "changed", "removed", changes_of(transaction.ops[before:])))
    return VmChange(vm, transaction, outcomes)
