"""Change a whole tree under the schema's lock: plan, carry out in phases, and again where others interfere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pvc_cli.errors import ConflictError, LockError
from pvc_cli.zk.execute import ATTEMPTS, execute
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.plan import VERSION_KEY, is_uninitialised
from pvc_cli.zk.schema import ZKSchema
from pvc_cli.zk.store import CommitConflictError, Lock, Op, Read
from pvc_cli.zk.transaction import Change


class TreePlan(Protocol):
    """What would be changed in a tree."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be."""
        ...

    def changes(self) -> tuple[Change, ...]:
        """Return every change, in order, for a dry run."""
        ...

    def phases(self) -> Sequence[Sequence[Op]]:
        """Return the steps in their order, in phases of which each is complete before the next begins."""
        ...


PlanT = TypeVar("PlanT", bound=TreePlan)


@dataclass(frozen=True, slots=True)
class Hooks(Generic[PlanT]):
    """What a long change tells its caller, and asks of it."""

    on_wait: Callable[[str], None] | None = None
    """Is told who holds the lock, if it has to be waited for."""
    on_warning: Callable[[str], None] = lambda _: None
    """Is told what would stop the change, had it not been forced."""
    on_plan: Callable[[PlanT], None] = lambda _: None
    """Is given the plan that is about to be carried out, under the lock: the place for a backup. It may raise."""
    on_progress: Callable[[int, int], None] = lambda _done, _all: None
    """Is told how many steps are done, of how many."""
    between_chunks: Callable[[], None] = lambda: None
    """Is called between transactions; raising there stops at a point from which a second run finishes."""


class TreeChange(Generic[PlanT]):
    """A migration or a restore: look at its plan, then carry it out.

    :param handler: the tree.
    """

    advice = "rerun the same command to finish"
    """What to do if other clients keep changing the same znodes."""
    until_empty = True
    """Whether to plan again afterwards, until nothing is left to do."""

    def __init__(self, handler: ZKHandler) -> None:
        self.handler = handler

    def plan(self, on_warning: Callable[[str], None] = lambda _: None) -> PlanT:
        """Return what would be changed, from the tree as it is.

        :param on_warning: is told what would stop the change, had it not been forced.
        """
        raise NotImplementedError

    def carry_out(self, hooks: Hooks[PlanT] | None = None) -> PlanT:
        """Hold the lock that PVC's daemons hold when they change the schema, plan under it, and carry the plan out.

        A tree without a version gets version 0 first, so that there is something to lock.

        :returns: the plan that was carried out first.
        :raises LockError: if another client holds the lock for too long, or it is lost on the way.
        :raises ConflictError: if other clients kept changing the same znodes.
        :raises UnreachableError: if the connection is lost for good; running it again finishes the work.
        """
        handler, hooks = self.handler, hooks or Hooks()
        _ensure_version(handler)
        first: PlanT | None = None
        with handler.exclusivelock(VERSION_KEY, on_wait=hooks.on_wait) as lock:
            for _ in range(ATTEMPTS):
                now = self.plan() if first else self.plan(hooks.on_warning)
                if first is None:
                    first = now
                    hooks.on_plan(now)
                if now.is_empty:
                    break
                try:
                    _execute(handler, now, lock, hooks)
                except CommitConflictError as error:
                    if lock.fence and error.op.path == lock.fence.path:
                        raise LockError(
                            "lost the schema lock with its session: rerun the same command to finish"
                        ) from None
                else:
                    if not self.until_empty:
                        break
            else:
                raise ConflictError(
                    f"gave up after {ATTEMPTS} attempts: the same znodes keep changing; {self.advice}"
                )
        handler.refresh_schema()
        return first


def _ensure_version(handler: ZKHandler) -> None:
    """Create the version if it is missing, because only a znode can be locked.

    A missing version means 0, and gets that value; on an uninitialised tree it stays empty.
    """
    schema = ZKSchema.at(0)
    version = "" if is_uninitialised(handler.store) else "0"
    for key, value in (("base.schema", ""), (VERSION_KEY, version)):
        path = schema.path(key) or ""
        if handler.store.read([Read(path)]) == [None]:
            try:
                handler.store.commit([Op("create", path, value.encode())])
            except CommitConflictError:
                continue  # another client created it


def _execute(handler: ZKHandler, plan: TreePlan, lock: Lock, hooks: Hooks[PlanT]) -> None:
    phases = plan.phases()
    total, done = sum(map(len, phases)), 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        hooks.on_progress(done, total)

    guards = [lock.fence] if lock.fence else []
    for phase in phases:
        execute(
            handler.store,
            ((op,) for op in phase),
            guards=guards,
            before_chunk=hooks.between_chunks,
            on_progress=progress,
        )
