"""Carry a plan out on many VMs: read all in few batches, write in chunks, each VM's part whole or not at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import ConflictError
from pvc_cli.zk import Change, Transaction, ZKHandler
from pvc_cli.zk.store import CommitConflictError

_CHUNK_BYTES = 400_000
CHUNK_OPS = 2_000
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing that was asked for on one VM; *detail* says what was done, or why it was not."""

    vm: VmRef
    item: str
    status: Literal["changed", "unchanged", "refused"]
    detail: str


@dataclass(frozen=True, slots=True)
class Step:
    """One VM's part of a plan: what to change together, and what there is to say of it."""

    vm: VmRef
    transaction: Transaction
    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True)
class Result:
    """What a plan did, or, in a dry run, would do."""

    outcomes: tuple[Outcome, ...]
    changes: tuple[Change, ...]


def run(
    handler: ZKHandler,
    vms: Sequence[VmRef],
    plan: Callable[[Sequence[VmRef]], list[Step]],
    *,
    dry_run: bool = False,
    progress: Callable[[int], object] = lambda _: None,
) -> Result:
    """Carry *plan* out on *vms*.

    Where somebody else changes a VM at the same time, the chunk that it is in is planned again, in two halves,
    so that one busy VM holds up no other. After an interruption, run it again: what is done is already so.

    :param progress: is told how many VMs are done, whenever some are.
    :raises ConflictError: if somebody else was faster on one VM every time; all others are done then. Or if the
        schema version of the cluster was changed meanwhile.
    """
    steps = plan(vms)
    if dry_run:
        return _result(steps)
    guard = handler.schema_guard()
    done: list[Step] = []
    chunks = deque((chunk, 0) for chunk in _chunks(steps))
    busy: CommitConflictError | None = None
    while chunks:
        chunk, attempts = chunks.popleft()
        ops = [op for step in chunk for op in step.transaction.ops]
        try:
            Transaction(handler.store, handler.schema, [guard, *ops] if guard and ops else ops).commit()
        except CommitConflictError as error:
            if error.op == guard:
                raise ConflictError(
                    "somebody changed the schema version of the cluster meanwhile: run the same command again for the"
                    " rest"
                ) from None
            if attempts == _ATTEMPTS:
                busy = error
                continue
            again = plan([step.vm for step in chunk])
            half = len(again) // 2
            attempts += len(again) == 1
            chunks.extendleft((part, attempts) for part in (again[half:], again[:half]) if part)
        else:
            done += chunk
            progress(len(chunk))
    if busy:
        raise busy
    return _result(done)


def _chunks(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Cut *steps* so that each chunk is one transaction of a modest size."""
    chunk: list[Step] = []
    size = ops = 0
    for step in steps:
        step_size, step_ops = step.transaction.size, len(step.transaction.ops)
        if chunk and (size + step_size > _CHUNK_BYTES or ops + step_ops > CHUNK_OPS):
            yield chunk
            chunk, size, ops = [], 0, 0
        chunk.append(step)
        size += step_size
        ops += step_ops
    if chunk:
        yield chunk


def _result(steps: Sequence[Step]) -> Result:
    return Result(
        tuple(outcome for step in steps for outcome in step.outcomes),
        tuple(change for step in steps for change in step.transaction.changes),
    )
