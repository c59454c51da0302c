"""Carry out what does not fit into one transaction: in chunks, with guards and retries."""

import random
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from pvc_cli.errors import AccessDeniedError, PvcError, TooLargeError
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

    :param item_of: gives the item that a step is for.
    :param guards: steps that refuse a chunk if the schema version has changed.
    :param on_progress: is told how many items are done, of how many.
    :returns: the steps that were carried out, and the items that kept changing or may not be changed.
    :raises ConflictError: if one of *guards* refused.
    """
    done: list[StepT] = []
    failed: list[Failure[_Item]] = []
    steps = _plan_each(items, plan, failed)
    require_fit(store, (step.transaction.ops for step in steps))
    chunks = deque((chunk, 0) for chunk in _chunks(steps, lambda step: step.transaction.ops, store.size))
    while chunks:
        chunk, attempts = chunks.popleft()
        ops = [op for step in chunk for op in step.transaction.ops]
        try:
            store.commit([*guards, *ops] if ops else [])
        except (CommitConflictError, AccessDeniedError) as error:
            if isinstance(error, CommitConflictError) and error.op in guards:
                raise schema_changed() from None
            alone = len(chunk) == 1
            if alone and (attempts == ATTEMPTS or isinstance(error, AccessDeniedError)):
                failed.append(Failure(item_of(chunk[0]), error))
                continue
            again = _plan_each([item_of(step) for step in chunk], plan, failed)
            half = (len(again) + 1) // 2
            attempts += alone
            chunks.extendleft((part, attempts) for part in (again[half:], again[:half]) if part)
        except ReplacedError as error:
            # All of the chunk was done, but some of it to what is not the same any more.
            hit = [step for step in chunk if error.paths & {op.path for op in step.transaction.ops}]
            failed += [Failure(item_of(step), error) for step in hit]
            done += _look_after([step for step in chunk if step not in hit], item_of, failed)
        except PvcError as error:
            if done or failed:
                also = f"; failed: {len(failed)}, among them: {failed[0].error}" if failed else ""
                error.args = (f"{error} (done before that: {len(done)} of {len(items)}{also})",)
            raise
        else:
            done += _look_after(chunk, item_of, failed)
            on_progress(len(done), len(items))
    return done, failed


def _look_after(
    chunk: Sequence[StepT], item_of: Callable[[StepT], _Item], failed: list[Failure[_Item]]
) -> list[StepT]:
    """Return those of the committed steps of *chunk* with which nothing is wrong; the others have *failed*."""
    found = look_after([step.transaction for step in chunk])
    failed += [Failure(item_of(step), wrong) for step, wrong in zip(chunk, found, strict=True) if wrong]
    return [step for step, wrong in zip(chunk, found, strict=True) if not wrong]


def _plan_each(
    items: Sequence[_Item], plan: Callable[[Sequence[_Item]], list[StepT]], failed: list[Failure[_Item]]
) -> list[StepT]:
    """Plan all of *items* that may be read; the others have *failed*."""
    try:
        return plan(items)
    except AccessDeniedError as error:
        if len(items) == 1:
            failed.append(Failure(items[0], error))
            return []
        half = len(items) // 2
        return [*_plan_each(items[:half], plan, failed), *_plan_each(items[half:], plan, failed)]


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
