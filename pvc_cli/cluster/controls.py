"""Change a few keys of named things: each in one transaction, many of them in few batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pvc_cli.cluster.parts import Part
from pvc_cli.errors import PvcError
from pvc_cli.zk import Change, Key, Transaction, ZKHandler, Znode

Status = Literal["changed", "unchanged", "refused", "failed"]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Control(Generic[Item]):
    """What becomes of one thing; *detail* says what is done, or why not."""

    item: Item
    transaction: Transaction
    status: Status
    detail: str

    @property
    def name(self) -> str:
        """What people call the thing."""
        return str(self.item)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change to the tree."""
        return self.transaction.changes


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item]):
    """What was done, or would be in a dry run."""

    controls: tuple[Control[Item], ...]
    errors: tuple[PvcError, ...] = ()
    """Why things failed."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change to the tree."""
        return tuple(change for control in self.controls for change in control.changes)

    @property
    def parts(self) -> list[Part]:
        """Every change to the tree, by what it is of."""
        return [Part(control.name, control.transaction) for control in self.controls if control.transaction.ops]


Plan = Callable[[ZKHandler, Sequence[Item]], list[Control[Item]]]
"""Reads some things and returns what to change of each."""
OnProgress = Callable[[int, int], object]
"""Is told how many things are done, of how many."""


def unheard(_done: int, _all: int) -> None:
    """Take progress that nobody asked for."""


def control(
    handler: ZKHandler,
    items: Sequence[Item],
    plan: Plan[Item],
    *,
    dry_run: bool = False,
    on_progress: OnProgress = unheard,
) -> Outcome[Item]:
    """Carry out *plan* on *items*; in a dry run, only make it.

    :raises ConflictError: if the schema version changed.
    """
    if dry_run:
        return Outcome(tuple(plan(handler, items)))
    steps, failed = handler.execute(
        items, lambda some: plan(handler, some), lambda step: step.item, on_progress=on_progress
    )
    lost = [fail(handler, failure.item, failure.error) for failure in failed]
    return Outcome((*steps, *lost), tuple(failure.error for failure in failed))


def decide(
    transaction: Transaction, item: Item, values: Sequence[tuple[Key, Znode | None, str]], done: str, already: str
) -> Control[Item]:
    """Return the control of one thing whose keys get *values*, each guarded by its znode as it was found."""
    changed = [transaction.ensure(key, found, value) for key, found, value in values]
    return Control(item, transaction, "changed" if any(changed) else "unchanged", done if any(changed) else already)


def refuse(handler: ZKHandler, item: Item, why: str) -> Control[Item]:
    """Return the control of a thing that must not be changed."""
    return Control(item, handler.transaction(), "refused", why)


def fail(handler: ZKHandler, item: Item, error: PvcError) -> Control[Item]:
    """Return the control of a thing that could not be changed."""
    return Control(item, handler.transaction(), "failed", str(error))
