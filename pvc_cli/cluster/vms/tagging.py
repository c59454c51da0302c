"""Change the tags of VMs: all in few batches, each VM's part whole or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.vms.query import VmRef, list_vms
from pvc_cli.cluster.vms.tags import CONTAINER, SEE_TAGS
from pvc_cli.errors import InvalidInputError, NotFoundError, PvcError, hint, quoted
from pvc_cli.zk import Change, Transaction, ZKHandler
from pvc_cli.zk.execute import Failure
from pvc_cli.zk.names import check_item

TagType = Literal["user", "system"]
Status = Literal["changed", "unchanged", "refused", "failed"]
_MAX_LENGTH = 64
_PLAIN = "._-+:@=%"
"""What a tag may hold besides letters and digits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one tag on one VM; *detail* says what was done, or why not.

    A VM that failed has one outcome, with an empty tag.
    """

    vm: VmRef
    tag: str
    status: Status
    detail: str
    changes: tuple[Change, ...] = ()
    """What it takes."""


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
    parts: tuple[Part, ...]
    errors: tuple[PvcError, ...] = ()
    """Why VMs failed."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change to the tree."""
        return tuple(change for part in self.parts for change in part.transaction.changes)


Plan = Callable[[ZKHandler, Sequence[VmRef]], list[VmChange]]
"""Reads some VMs and returns what to change on each."""


def refuse_all(handler: ZKHandler, step: VmChange, why: str) -> VmChange:
    """Return the change of a VM that must not be changed, in place of *step*."""
    return VmChange(step.vm, handler.transaction(), [Outcome(step.vm, o.tag, "refused", why) for o in step.outcomes])


def check_tag_name(name: str, *, any_name: bool = False) -> str:
    """Return *name* if it can be a new tag's: one that no shell and no filter takes for something else.

    :param any_name: take every name that PVC can, too.
    :raises InvalidInputError: if it is not 1 to 64 printable characters, or holds a slash or a comma; if it holds
        anything but letters, digits and ``. _ - + : @ = %``, or begins with a dash.
    :raises InvalidItemError: if ZooKeeper would not take it.
    """
    if not 1 <= len(name) <= _MAX_LENGTH:
        raise InvalidInputError(f"{quoted(name)} is not a valid tag: use 1 to {_MAX_LENGTH} characters")
    for character in name:
        if character in "/," or not character.isprintable():
            raise InvalidInputError(f"{quoted(name)} is not a valid tag: {quoted(character)} is not allowed")
        if not (any_name or character.isalnum() or character in _PLAIN):
            raise _not_plain(name, f"a shell or a filter could misread {quoted(character)}")
    if name.startswith("-") and not any_name:
        raise _not_plain(name, "it looks like an option")
    return check_item(name, "tag")


def _not_plain(name: str, why: str) -> InvalidInputError:
    return InvalidInputError(f"{quoted(name)} is not a plain tag: {why}; choose another name, or use --force-name")


def require_tags(handler: ZKHandler) -> None:
    """Check that the cluster's schema has tags.

    :raises SchemaError: if it is older.
    """
    handler.schema.require(CONTAINER, "tags need")


@dataclass(frozen=True, slots=True)
class Renaming:
    """The VMs that have a tag's old name, and those that have its new one already."""

    old: list[VmRef]
    new: list[VmRef]


def find_renaming(handler: ZKHandler, old: str, new: str) -> Renaming:
    """Return which VMs have the tags *old* and *new*, in three batches.

    :raises NotFoundError: if none has *old*.
    :raises SchemaError: if the cluster's schema has no tags.
    """
    require_tags(handler)
    vms = list_vms(handler)
    having: dict[str, list[VmRef]] = {}
    for vm, tags in zip(vms, handler.children_many((CONTAINER, vm.uuid) for vm in vms), strict=True):
        for tag in tags or ():
            having.setdefault(tag, []).append(vm)
    if old not in having:
        raise NotFoundError(f"no VM has a tag {quoted(old)}: {hint(old, having, SEE_TAGS)}")
    return Renaming(having[old], having.get(new, []))


def change_tags(
    handler: ZKHandler,
    vms: Sequence[VmRef],
    plan: Plan,
    *,
    dry_run: bool = False,
    on_progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> Result:
    """Carry out a plan of :mod:`pvc_cli.cluster.vms.tag_plans` on *vms*; in a dry run, only make it.

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
        tuple(Part(step.vm.name, step.transaction) for step in steps if step.transaction.ops),
        tuple(failure.error for failure in failed),
    )
