"""Carry out what does not fit into one transaction: in chunks, with guards and retries."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from pvc_cli.errors import AccessDeniedError, OutcomeUnknownError, PvcError, TooLargeError, UnreachableError
from pvc_cli.zk.base import schema_changed
from pvc_cli.zk.store import CommitConflictError, Op, ReplacedError, Store
from pvc_cli.zk.transaction import Transaction, look_after

ATTEMPTS = 8
"""How often a change is planned before it is given up, because another client was faster every time."""
CHUNK_OPS = 2_000
CHUNK_BYTES = 400_000


class Plan(Protocol):
    """A transaction, or something that commits several."""

    def commit(self) -> None:
        """Carry it out."""
        ...


class Step(Protocol):
    """A part of a change that is committed completely or not at all."""

    @property
    def transaction(self) -> Transaction:
        """What to change."""
        ...


PlanT = TypeVar("PlanT", bound=Plan)
StepT = TypeVar("StepT", bound=Step)
_Item = TypeVar("_Item")
_Part = TypeVar("_Part")


def retry(make: Callable[[], PlanT]) -> PlanT:
    """Make a plan from the tree as it is and commit it; if another client was faster, plan again.

    :returns: the plan that was committed.
    :raises ConflictError: if another client was faster every time.
    """
    for attempt in range(ATTEMPTS):
        plan = make()
        try:
            plan.commit()
            break
        except CommitConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            # Imported here: rivals are rare.
            import random

            time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads rivals, no secret
    return plan


def execute(
    store: Store,
    parts: Collection[Sequence[Op]],
    *,
    guards: Sequence[Op] = (),
    witnesses: Sequence[Op] = (),
    before_chunk: Callable[[], None] = lambda: None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> None:
    """Commit *parts* in order, as many together as make a modest request; each part whole or not at all.

    :param guards: steps that every chunk's transaction begins with.
    :param witnesses: more such steps, which a part goes without that is larger than a modest request on its own. One
        that leaves no room for *guards* either has them checked right before.
    :param before_chunk: is called between transactions; raising there stops with all of a chunk done or nothing.
    :param on_progress: is told how many parts a chunk had, once it is done.
    """
    require_fit(store, parts)
    for chunk in _chunks(parts, lambda part: part, store.size):
        before_chunk()
        ops = [op for part in chunk for op in part]
        if store.size(ops) <= CHUNK_BYTES:
            store.commit([*guards, *witnesses, *ops])
        else:
            _commit_large(store, guards, ops)
        on_progress(len(chunk))


def _commit_large(store: Store, guards: Sequence[Op], ops: Sequence[Op]) -> None:
    """Commit what may be as large as the servers take: without room for guards, check them right before."""
    try:
        store.require_fit([*guards, *ops])
    except TooLargeError:
        store.commit(guards)
        store.commit(ops)
    else:
        store.commit([*guards, *ops])


def require_fit(store: Store, parts: Iterable[Sequence[Op]]) -> None:
    """Check, before anything is written, that each of *parts* fits into one request.

    :raises TooLargeError: if one does not.
    """
    for part in parts:
        if store.size(part) > CHUNK_BYTES:
            store.require_fit(part)


class Failure(NamedTuple, Generic[_Item]):
    """An item that could not be changed, and why."""

    item: _Item
    error: PvcError


def execute_steps(
    store: Store,
    items: Sequence[_Item],
    plan: Callable[[Sequence[_Item]], list[StepT]],
    item_of: Callable[[StepT], _Item],
    *,
    guards: Sequence[Op] = (),
    on_progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> tuple[list[StepT], list[Failure[_Item]]]:
    """Plan a change of many *items*, one step each, and commit as many steps together as make a modest request.

    If another client changes an item meanwhile, its chunk is planned again, in two halves, so that one busy item does
    not hold up the others; neither does one that access control lists forbid. After an interruption, run it again to
    finish.

    Steps that were carried out are told, whatever happens to the rest: an error after the first of them, such as a
    lost connection, is why all items that are left have failed.

    :param item_of: gives the item that a step is for.
    :param guards: steps that refuse a chunk if the schema version has changed.
    :param on_progress: is told how many items are done, of how many.
    :returns: the steps that were carried out, and the items that failed: they kept changing, may not be changed, or
        the rest of the change failed.
    :raises ConflictError: if one of *guards* refused before anything was done.
    :raises PvcError: if it failed before anything was done.
    """
    run = _Run(store, plan, item_of, guards)
    steps = run.plan_each(items)
    require_fit(store, (step.transaction.ops for step in steps))
    run.chunks.extend((chunk, 0) for chunk in _chunks(steps, lambda step: step.transaction.ops, store.size))
    while run.chunks:
        chunk, attempts = run.chunks.popleft()
        before = len(run.failed)
        try:
            run.commit(chunk, attempts)
        except PvcError as error:
            if not (run.done or run.failed):
                raise
            # Some of it may have failed for another reason already.
            failed = [failure.item for failure in run.failed[before:]]
            run.fail((step for step in chunk if item_of(step) not in failed), error)
            run.fail((step for later, _ in run.chunks for step in later), _not_tried(error))
            break
        on_progress(len(run.done), len(items))
    return run.done, run.failed


def _not_tried(error: PvcError) -> PvcError:
    """Return why what would have come after *error* was not done; that it was not, at least, is known."""
    return (
        UnreachableError("not changed: the connection was lost") if isinstance(error, OutcomeUnknownError) else error
    )


@dataclass(slots=True)
class _Run(Generic[_Item, StepT]):
    """A change of many items on its way: what is done, what has failed, and the chunks that are left."""

    store: Store
    plan: Callable[[Sequence[_Item]], list[StepT]]
    item_of: Callable[[StepT], _Item]
    guards: Sequence[Op]
    done: list[StepT] = field(default_factory=list)
    failed: list[Failure[_Item]] = field(default_factory=list)
    chunks: deque[tuple[list[StepT], int]] = field(default_factory=deque)
    """Each with how often it was tried alone."""

    def commit(self, chunk: list[StepT], attempts: int) -> None:
        """Commit *chunk*, or put it back in two halves, planned again, if another client was faster."""
        ops = [op for step in chunk for op in step.transaction.ops]
        try:
            self.store.commit([*self.guards, *ops] if ops else [])
        except (CommitConflictError, AccessDeniedError) as error:
            if isinstance(error, CommitConflictError) and error.op in self.guards:
                raise schema_changed() from None
            alone = len(chunk) == 1
            if alone and (attempts == ATTEMPTS or isinstance(error, AccessDeniedError)):
                self.fail(chunk, error)
                return
            again = self.plan_each([self.item_of(step) for step in chunk])
            half = (len(again) + 1) // 2
            attempts += alone
            self.chunks.extendleft((part, attempts) for part in (again[half:], again[:half]) if part)
        except ReplacedError as error:
            # All of the chunk was done, but some of it to what is not the same any more.
            hit = [step for step in chunk if error.paths & {op.path for op in step.transaction.ops}]
            self.fail(hit, error)
            self._look_after([step for step in chunk if step not in hit])
        else:
            self._look_after(chunk)

    def fail(self, steps: Iterable[StepT], error: PvcError) -> None:
        """Note that *steps* have failed with *error*."""
        self.failed += [Failure(self.item_of(step), error) for step in steps]

    def plan_each(self, items: Sequence[_Item]) -> list[StepT]:
        """Plan all of *items* that may be read; the others have failed."""
        try:
            return self.plan(items)
        except AccessDeniedError as error:
            if len(items) == 1:
                self.failed.append(Failure(items[0], error))
                return []
            half = len(items) // 2
            return [*self.plan_each(items[:half]), *self.plan_each(items[half:])]

    def _look_after(self, committed: Sequence[StepT]) -> None:
        """Note which of the steps are done, and with which something is wrong."""
        found = look_after([step.transaction for step in committed])
        for step, wrong in zip(committed, found, strict=True):
            if wrong:
                self.fail([step], wrong)
            else:
                self.done.append(step)


def _chunks(
    parts: Iterable[_Part], ops_of: Callable[[_Part], Sequence[Op]], size_of: Callable[[Sequence[Op]], int]
) -> Iterator[list[_Part]]:
    """Cut *parts* so that each chunk is one transaction of a modest size."""
    chunk: list[_Part] = []
    size = count = 0
    for part in parts:
        ops = ops_of(part)
        part_size = size_of(ops)
        if chunk and (size + part_size > CHUNK_BYTES or count + len(ops) > CHUNK_OPS):
            yield chunk
            chunk, size, count = [], 0, 0
        chunk.append(part)
        size += part_size
        count += len(ops)
    if chunk:
        yield chunk
