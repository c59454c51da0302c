"""Change a few keys of named things: each in one transaction, many of them in few batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.errors import PvcError
from pvc_cli.zk import Change, Key, Transaction, ZKHandler, Znode

Status = Literal["changed", "unchanged", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Control:
    """What becomes of one thing; *detail* says what is done, or why not."""

    name: str
    transaction: Transaction
    status: Status
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be in a dry run."""

    controls: tuple[Control, ...]
    errors: tuple[PvcError, ...] = ()
    """Why things failed."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change to the tree."""
        return tuple(change for control in self.controls for change in control.transaction.changes)


Plan = Callable[[ZKHandler, Sequence[str]], list[Control]]
"""Reads some things, by name, and returns what to change of each."""


def control(handler: ZKHandler, names: Sequence[str], plan: Plan, *, dry_run: bool = False) -> Outcome:
    """Carry out *plan* on the things called *names*; in a dry run, only make it.

    :raises ConflictError: if the schema version changed.
    """
    if dry_run:
        return Outcome(tuple(plan(handler, names)))
    steps, failed = handler.execute(names, lambda some: plan(handler, some), lambda step: step.name)
    lost = [Control(f.item, handler.transaction(), "failed", str(f.error)) for f in failed]
    return Outcome((*steps, *lost), tuple(failure.error for failure in failed))


def decide(
    transaction: Transaction, name: str, values: Sequence[tuple[Key, Znode | None, str]], done: str, already: str
) -> Control:
    """Return the control of one thing whose keys get *values*, each guarded by its znode as it was found."""
    changed = [transaction.ensure(key, found, value) for key, found, value in values]
    return Control(name, transaction, "changed" if any(changed) else "unchanged", done if any(changed) else already)


def refuse(handler: ZKHandler, name: str, why: str) -> Control:
    """Return the control of a thing that must not be changed."""
    return Control(name, handler.transaction(), "refused", why)
