"""Bring a tree to a schema version: under the lock, in chunks, so that it can be interrupted and finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pvc_cli.errors import ConflictError, LockError, SchemaError
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.plan import VERSION_KEY, Plan, is_unbegun, make_plan
from pvc_cli.zk.schema import ZKSchema, parse_version
from pvc_cli.zk.store import CommitConflictError, Lock, Op, Read

CHUNK_OPS = 2_000
CHUNK_BYTES = 400_000
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a run tells its caller, and asks of it."""

    on_wait: Callable[[str], None] | None = None
    """Is told who holds the lock, if it has to be waited for."""
    on_plan: Callable[[Plan], None] = lambda _: None
    """Is given the plan that is about to be carried out, under the lock: the place for a backup. It may raise."""
    on_progress: Callable[[int, int], None] = lambda _done, _all: None
    """Is told how many steps are done, of how many."""
    between_chunks: Callable[[], None] = lambda: None
    """Is called between transactions; raising there stops the run at a point from which it can be finished."""


def migrate(
    handler: ZKHandler,
    target: ZKSchema,
    hooks: Hooks | None = None,
    *,
    prune: bool = False,
    contract: bool = True,
) -> Plan:
    """Make the tree be version *target*, and return the plan that was carried out first.

    A tree without a version gets version 0 first, so that there is something to lock.

    :raises LockError: if somebody else holds the lock for too long, or it is lost on the way.
    :raises ConflictError: if others kept changing the same znodes.
    :raises UnreachableError: if the connection is lost for good; running it again finishes the work.
    """
    hooks = hooks or Hooks()
    ensure_version(handler)
    first: Plan | None = None
    with SchemaLock(handler, hooks.on_wait) as lock:
        for _ in range(_ATTEMPTS):
            plan = make_plan(handler.store, target, prune=prune, contract=contract)
            if first is None:
                first = plan
                hooks.on_plan(plan)
            if plan.is_empty:
                handler.refresh_schema()
                return first
            try:
                _carry_out(handler, plan, lock, hooks)
            except CommitConflictError as error:
                if lock.fence and error.op.path == lock.fence.path:
                    raise LockError(
                        "the lock on the schema was lost with its session: run the same command again to finish"
                    ) from None
    raise ConflictError("others keep changing what is to be changed: run the same command again to finish")


def ensure_version(handler: ZKHandler) -> None:
    """See to it that there is a version, for only a znode can be locked.

    Where none is, it means version 0, and gets that value; only a tree that is just being begun has no value yet.
    """
    schema = ZKSchema.at(0)
    begun = is_unbegun(handler.store)
    for key, value in (("base.schema", ""), (VERSION_KEY, "" if begun else "0")):
        path = schema.path(key) or ""
        if handler.store.fetch([Read(path)]) == [None]:
            try:
                handler.store.commit([Op("create", path, value.encode())])
            except CommitConflictError:
                continue  # somebody else did the same: all the better


class SchemaLock:
    """Hold the lock that PVC's daemons hold when they change the schema."""

    def __init__(self, handler: ZKHandler, on_wait: Callable[[str], None] | None) -> None:
        self._lock = handler.exclusivelock(VERSION_KEY)
        self._on_wait = on_wait

    def __enter__(self) -> Lock:
        self._lock.acquire(self._on_wait)
        return self._lock

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _carry_out(handler: ZKHandler, plan: Plan, lock: Lock, hooks: Hooks) -> None:
    """Expand, set the version, contract."""
    expansion, contraction = list(plan.expansion()), list(plan.contraction())
    bump = [plan.bump()] if plan.sets_version else []
    total, done = len(expansion) + len(bump) + len(contraction), 0
    for phase in (expansion, bump, contraction):
        for chunk in chunks(phase):
            hooks.between_chunks()
            handler.store.commit([lock.fence, *chunk] if lock.fence else chunk)
            done += len(chunk)
            hooks.on_progress(done, total)


def chunks(ops: Iterable[Op]) -> Iterator[list[Op]]:
    """Cut *ops* into transactions of a modest size, in order."""
    chunk: list[Op] = []
    size = 0
    for op in ops:
        if chunk and (len(chunk) >= CHUNK_OPS or size + op.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(op)
        size += op.size
    if chunk:
        yield chunk


def check_gate(handler: ZKHandler, target: ZKSchema) -> list[str]:
    """Return what speaks against *target*: for each node that does not know that version, a reason.

    A node's daemon writes the newest version that it knows into the tree; one that does not know the cluster's
    version would not start again.
    """
    names = handler.children("base.node") or []
    reasons = []
    for name, text in zip(names, handler.read_many(("node.data.latest_schema", n) for n in names), strict=True):
        known = parse_version(text) if text and text.strip() else None
        if known is None:
            reasons.append(f"node {name} does not say which version it knows")
        elif known < target.version:
            reasons.append(f"node {name} knows only version {known}")
    return reasons


def refuse_unready(reasons: list[str], target: ZKSchema) -> None:
    """Raise if there is any reason against *target*.

    :raises SchemaError: naming the nodes.
    """
    if reasons:
        raise SchemaError(
            f"schema version {target.version} would stop PVC on some nodes: {'; '.join(reasons)}:"
            " upgrade PVC there first, or go on with --force"
        )
