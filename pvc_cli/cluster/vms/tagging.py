"""Add tags to VMs, and remove them: all in few batches, each VM's part whole or not at all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.values import parse_bool
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.tags import CONTAINER
from pvc_cli.errors import InvalidInputError, PvcError, SchemaError, quoted
from pvc_cli.zk import Change, Transaction, ZKHandler, Znode
from pvc_cli.zk.execute import Failure
from pvc_cli.zk.names import check_item
from pvc_cli.zk.transaction import refuse_contenders

TagType = Literal["user", "system"]
_KEYS = ("tag", "tag.type", "tag.protected")
_MAX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one tag on one VM; *detail* says what was done, or why not.

    A VM that failed has one outcome, with an empty tag.
    """

    vm: VmRef
    tag: str
    status: Literal["changed", "unchanged", "refused", "failed"]
    detail: str


@dataclass(frozen=True, slots=True)
class VmChange:
    """What to change on one VM, in one transaction, and the outcome per tag."""

    vm: VmRef
    transaction: Transaction
    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True)
class Result:
    """What was done, or would be in a dry run."""

    outcomes: tuple[Outcome, ...]
    changes: tuple[Change, ...]
    errors: tuple[PvcError, ...] = ()
    """Why VMs failed."""


Plan = Callable[[ZKHandler, Sequence[VmRef]], list[VmChange]]
"""Reads some VMs and returns what to change on each."""


def check_tag_name(name: str) -> str:
    """Return *name* if it can be a new tag's.

    :raises InvalidInputError: if it is not 1 to 64 printable characters, or holds a slash or a comma.
    :raises InvalidItemError: if ZooKeeper would not take it.
    """
    if not 1 <= len(name) <= _MAX_LENGTH:
        raise InvalidInputError(f"{quoted(name)} is not a valid tag: use 1 to {_MAX_LENGTH} characters")
    for character in name:
        if character in "/," or not character.isprintable():
            raise InvalidInputError(f"{quoted(name)} is not a valid tag: {quoted(character)} is not allowed")
    return check_item(name)


def require_tags(handler: ZKHandler) -> None:
    """Check that the cluster's schema has tags.

    :raises SchemaError: if it is older.
    """
    if CONTAINER not in handler.schema.keys:
        since = handler.schema.since(CONTAINER)
        raise SchemaError(
            f"tags need schema version {since}, and this cluster has {handler.schema.version}:"
            " upgrade it with 'pvc schema upgrade' once all its nodes know that version (see 'pvc schema show')"
        )


def change_tags(
    handler: ZKHandler,
    vms: Sequence[VmRef],
    plan: Plan,
    *,
    dry_run: bool = False,
    on_progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> Result:
    """Carry out a plan of :func:`plan_add` or :func:`plan_remove` on *vms*; in a dry run, only make it.

    :param on_progress: is told how many VMs are done, of how many.
    :raises SchemaError: if the cluster's schema has no tags.
    :raises ConflictError: if the schema version changed.
    """
    require_tags(handler)
    failed: list[Failure[VmRef]] = []
    if dry_run:
        steps = plan(handler, vms)
    else:
        steps, failed = handler.execute(
            vms, lambda some: plan(handler, some), lambda step: step.vm, on_progress=on_progress
        )
    return Result(
        (
            *(outcome for step in steps for outcome in step.outcomes),
            *(Outcome(failure.item, "", "failed", str(failure.error)) for failure in failed),
        ),
        tuple(change for step in steps for change in step.transaction.changes),
        tuple(failure.error for failure in failed),
    )


def plan_add(
    names: Sequence[str], *, kind: TagType = "user", protected: bool | None = None, force: bool = False
) -> Plan:
    """Return the plan that adds tags to VMs, for :func:`change_tags`.

    :param protected: whether the tag is; None leaves an existing tag's protection as it is.
    :param force: turn a `system` tag into a `user` one where *kind* says so.
    :raises InvalidInputError: if a name cannot be a tag's.
    """
    wanted = list(dict.fromkeys(map(check_tag_name, names)))

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[VmChange]:
        return [
            _add(handler.transaction(), found, kind, protected, force=force) for found in _look(handler, vms, wanted)
        ]

    return plan


def plan_remove(names: Sequence[str], *, force: bool = False, if_exists: bool = False) -> Plan:
    """Return the plan that removes tags from VMs, for :func:`change_tags`.

    :param force: remove a protected or a `system` tag as well.
    :param if_exists: skip a VM that does not have the tag, instead of refusing it.
    :raises InvalidItemError: if a name cannot be a znode's.
    """
    wanted = list(dict.fromkeys(map(check_item, names)))

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[VmChange]:
        exist = handler.exists_many(("domain", vm.uuid) for vm in vms)
        trees = iter(handler.read_trees((CONTAINER, vm.uuid, "tag", name) for vm in vms for name in wanted))
        steps = []
        for vm, exists in zip(vms, exist, strict=True):
            tags = {name: next(trees) for name in wanted}
            if exists:
                steps.append(_remove(handler.transaction(), vm, tags, force=force, if_exists=if_exists))
            else:
                steps.append(_gone(handler.transaction(), vm, wanted))
        return steps

    return plan


@dataclass(frozen=True, slots=True)
class _State:
    """The requested tags of one VM, as read."""

    vm: VmRef
    exists: bool
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
                *((CONTAINER, vm.uuid, key, name) for name in names for key in _KEYS),
            )
        )
    )
    return [
        _State(
            vm,
            next(found) is not None,
            next(found) is not None,
            {name: (next(found), next(found), next(found)) for name in names},
        )
        for vm in vms
    ]


def _gone(transaction: Transaction, vm: VmRef, names: Iterable[str]) -> VmChange:
    """Return the refusal for a VM that was deleted since it was found."""
    return VmChange(vm, transaction, [Outcome(vm, name, "refused", "the VM no longer exists") for name in names])


def _add(transaction: Transaction, state: _State, kind: TagType, protected: bool | None, *, force: bool) -> VmChange:
    """Plan one VM's new tags: write only what differs, guarded by what was read."""
    if not state.exists:
        return _gone(transaction, state.vm, state.tags)
    outcomes = []
    container = state.container
    for name, (own, old_type, old_protected) in state.tags.items():
        if own and old_type and old_type.text == "system" and kind == "user" and not force:
            reason = "it is a system tag; use --force to make it a user tag"
            outcomes.append(Outcome(state.vm, name, "refused", reason))
            continue
        before = len(transaction.ops)
        if not container:
            transaction.create((CONTAINER, state.vm.uuid))
            container = True
        key = (CONTAINER, state.vm.uuid)
        wanted = str(bool(protected))
        if old_protected and protected in (None, parse_bool(old_protected.text)):
            wanted = old_protected.text
        values = {"tag": (own, name), "tag.type": (old_type, kind), "tag.protected": (old_protected, wanted)}
        steady = [
            (part, found)
            for part, (found, value) in values.items()
            if not transaction.ensure((*key, part, name), found, value)
        ]
        if len(transaction.ops) > before:
            for part, found in steady:
                transaction.guard((*key, part, name), found)
        if len(transaction.ops) > before:
            outcomes.append(Outcome(state.vm, name, "changed", "updated" if own else "added"))
        else:
            outcomes.append(Outcome(state.vm, name, "unchanged", "already set"))
    return VmChange(state.vm, transaction, outcomes)


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
        why = "protected" if protected and parse_bool(protected.text) else ""
        why = "a system tag" if kind and kind.text == "system" else why
        if why and not force:
            outcomes.append(Outcome(vm, name, "refused", f"it is {why}; use --force to remove it"))
            continue
        refuse_contenders(tree)
        transaction.delete_item(tree)
        outcomes.append(Outcome(vm, name, "changed", "removed"))
    return VmChange(vm, transaction, outcomes)
