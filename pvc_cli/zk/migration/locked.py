"""Change a whole tree: decide, then judge again under the schema's lock, and carry it out in phases."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pvc_cli.errors import ConfigError, ConflictError, LockError, PvcError, RefusedError, printable
from pvc_cli.zk.backup import back_up, require_new
from pvc_cli.zk.base import VERSION_KEY, VERSION_PATH, Base, is_uninitialised
from pvc_cli.zk.execute import ATTEMPTS, execute, require_fit
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.gate import Objection, objections, read_daemons
from pvc_cli.zk.migration.phases import Phase
from pvc_cli.zk.schema import ZKSchema, pvcs_roots
from pvc_cli.zk.store import CommitConflictError, Lock, OnWait, Op, Read, Znode
from pvc_cli.zk.transaction import Change, refuse_contenders


class TreePlan(Protocol):
    """What would be changed in a tree."""

    @property
    def base(self) -> Base:
        """The schema version that it was made on."""
        ...

    @property
    def target(self) -> int:
        """The schema version that the tree has afterwards."""
        ...

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be changed."""
        ...

    @property
    def contenders(self) -> Sequence[str]:
        """Others' places in the queue for a lock that stand in the way."""
        ...

    @property
    def nodes(self) -> Collection[str] | None:
        """The names of all nodes that were judged, or are restored; None if none needs to be."""
        ...

    def changes(self) -> Iterable[Change]:
        """Return every change, in order, for a dry run."""
        ...

    def losses(self) -> Counter[str]:
        """Count what is deleted for good, by group."""
        ...

    def phases(self) -> Sequence[Phase]:
        """Return the steps in their order."""
        ...


PlanT = TypeVar("PlanT", bound=TreePlan)


@dataclass(frozen=True, slots=True)
class Hooks(Generic[PlanT]):
    """What a long change asks of its caller, and tells it."""

    confirm: Callable[[PlanT], None] | None = None
    """Is given the plan before the lock is waited for; raises to decline. What it did not see is not done."""
    backup: Path | None = None
    """Where to back up the tree to, under the lock, before the first change."""
    overwrite: bool = False
    """Whether the backup may replace an earlier one."""
    on_wait: OnWait = None
    """Is told who holds the lock, if it has to be waited for."""
    on_warning: Callable[[str], None] = lambda _: None
    """Is told what would stop the change, had it not been forced."""
    on_plan: Callable[[PlanT], None] = lambda _: None
    """Is given the plan that is about to be carried out, under the lock. It may raise."""
    on_backup: Callable[[Path], None] = lambda _: None
    """Is told that the backup was written."""
    on_progress: Callable[[int, int], None] = lambda _done, _all: None
    """Is told how many steps are done, of how many."""
    between_chunks: Callable[[], None] = lambda: None
    """Is called between transactions; raising there stops at a point from which a second run finishes."""


class TreeChange(Generic[PlanT]):
    """A migration or a restore: look at its plan, then carry it out.

    :param handler: the tree.
    :param force: proceed in spite of what speaks against it.
    :param base: what it is decided on, if it was read already.
    :param into_foreign: initialise a tree that holds something else, too.
    :raises RefusedError: if it is such a tree.
    """

    advice = "rerun the same command to finish"
    """What to do if other clients keep changing the same znodes."""
    until_empty = True
    """Whether to plan again afterwards, until nothing is left to do."""

    def __init__(
        self, handler: ZKHandler, *, force: bool = False, base: Base | None = None, into_foreign: bool = False
    ) -> None:
        self.handler, self.force = handler, force
        self.base = base or handler.read_base()
        """The schema version that the change is decided on: at another one, it is refused."""
        if not into_foreign and is_uninitialised(handler.store):
            _refuse_foreign(handler)

    def _plan(self) -> PlanT:
        """Return what would be changed, from the tree as it is."""
        raise NotImplementedError

    def _objections(self, plan: PlanT) -> Sequence[Objection]:
        """Return what speaks against *plan*, unless it is forced."""
        raise NotImplementedError

    def plan(self, on_warning: Callable[[str], None] = lambda _: None) -> PlanT:
        """Return what would be changed, from the tree as it is, if it can be.

        :param on_warning: is told what would stop the change, had it not been forced.
        :raises ConflictError: if the schema version is no longer the one that the change was decided on.
        :raises SchemaError: if some node does not know the version, and it is not forced.
        :raises RefusedError: if daemons run that would undo it, and it is not forced.
        :raises TooLargeError: if a value does not fit into a request.
        """
        plan, objections = self._judged_plan(on_warning)
        if objections:
            raise objections[0]
        self._require_fit(plan)
        for path in plan.contenders:
            on_warning(f"{path} is in the queue for a lock: this is refused while it is there")
        return plan

    def preview(self, on_warning: Callable[[str], None] = lambda _: None) -> tuple[PlanT, PvcError | None]:
        """Return what would be changed, from the tree as it is, and why that is refused, if it is.

        :param on_warning: is told what would stop the change, had it not been forced.
        :raises ConflictError: if the schema version is no longer the one that the change was decided on.
        :raises TooLargeError: if a value does not fit into a request.
        """
        plan, objections = self._judged_plan(on_warning)
        self._require_fit(plan)
        try:
            self._require_no_contenders(plan)
        except LockError as error:
            objections.append(error)
        return plan, objections[0] if objections else None

    def _judged_plan(self, on_warning: Callable[[str], None]) -> tuple[PlanT, list[PvcError]]:
        """Return what would be changed, and what speaks against it; forced, that is a warning."""
        plan = self._plan()
        self._judge_base(plan)
        objections = list(self._objections(plan))
        if self.force:
            for objection in objections:
                on_warning(objection.forced)
            return plan, []
        return plan, [objection.error for objection in objections]

    def _require_fit(self, plan: PlanT) -> None:
        for phase in plan.phases():
            require_fit(self.handler.store, phase.parts())

    def _require_no_contenders(self, plan: PlanT) -> None:
        found = self.handler.store.read([Read(path) for path in plan.contenders])
        refuse_contenders({p: z for p, z in zip(plan.contenders, found, strict=True) if isinstance(z, Znode)})

    def carry_out(self, hooks: Hooks[PlanT] | None = None) -> PlanT:
        """Decide, hold the lock that PVC's daemons hold when they change the schema, judge again, and carry it out.

        A tree without a version gets version 0 first, so that there is something to lock.

        :returns: the plan that was carried out first.
        :raises LockError: if another client holds the lock for too long, or it is lost on the way.
        :raises ConflictError: if the schema version is not the one that was decided on, if more would be lost than
            was confirmed, or if other clients kept changing the same znodes.
        :raises UnreachableError: if the connection is lost for good; running it again finishes the work.
        """
        handler, hooks = self.handler, hooks or Hooks()
        handler.store.require_writable()
        if hooks.backup:
            require_new(hooks.backup, overwrite=hooks.overwrite)
        seen: PlanT | None = None
        if hooks.confirm or self.base.znode is None:
            # What is refused leaves nothing behind, not even a version that can be locked.
            seen = self.plan(hooks.on_warning)
        if hooks.confirm and seen:
            if seen.is_empty:
                return seen
            hooks.confirm(seen)
        self._prepare()
        self._ensure_version()
        with handler.exclusivelock(VERSION_KEY, on_wait=hooks.on_wait) as lock:
            first = self.plan() if seen else self.plan(hooks.on_warning)
            announced = seen if hooks.confirm and seen else first
            _judge_losses(first, announced)
            hooks.on_plan(first)
            if hooks.backup and not first.is_empty:
                try:
                    back_up(handler, hooks.backup, overwrite=hooks.overwrite, on_warning=hooks.on_warning)
                except ConfigError as error:
                    raise ConfigError(f"{error}; nothing was changed: name another file with --backup") from None
                hooks.on_backup(hooks.backup)
            self._carry_out(first, announced, lock, hooks)
        handler.refresh_schema()
        return first

    def _prepare(self) -> None:
        """Do what has to be done before the lock can be acquired."""

    def _carry_out(self, first: PlanT, announced: PlanT, lock: Lock, hooks: Hooks[PlanT]) -> None:
        now = first
        for _ in range(ATTEMPTS):
            if now.is_empty:
                return
            self._require_no_contenders(now)
            try:
                self._execute(now, lock, hooks)
            except CommitConflictError as error:
                if lock.fence and error.op.path == lock.fence.path:
                    raise LockError(
                        "lost the schema lock with its session: rerun the same command to finish"
                    ) from None
                if error.op.path == VERSION_PATH:
                    found_base = self.handler.read_base()
                    # A daemon that starts may set the very version that this leads to: the rest is still to do.
                    if found_base.version != now.target or now.target == now.base.version:
                        raise self._moved(found_base) from None
            except _NewNodesError:
                pass
            else:
                if not self.until_empty:
                    return
            try:
                now = self.plan()
                _judge_losses(now, announced)
            except PvcError as error:
                error.args = (f"{error}; changes made so far are kept",)
                raise
        raise ConflictError(f"gave up after {ATTEMPTS} attempts: the same znodes keep changing; {self.advice}")

    def _execute(self, plan: PlanT, lock: Lock, hooks: Hooks[PlanT]) -> None:
        phases = plan.phases()
        total, done = sum(len(phase.parts()) for phase in phases), 0

        def progress(count: int) -> None:
            nonlocal done
            done += count
            hooks.on_progress(done, total)

        for phase in phases:
            if new := self._new_nodes(plan):
                raise _NewNodesError(new)
            execute(
                self.handler.store,
                phase.parts(),
                guards=[*([lock.fence] if lock.fence else []), *phase.guards],
                witnesses=phase.witnesses,
                before_chunk=hooks.between_chunks,
                on_progress=progress,
            )
            if phase.together and any(op.path == VERSION_PATH for op in phase.ops):
                now = self.handler.read_base()
                if now.version != plan.target:
                    raise self._moved(now)
                before, self.base = self.base.version, now
                # ZooKeeper cannot refuse a transaction because a znode has another child.
                late = [daemon for daemon in read_daemons(self.handler) if daemon.name in self._new_nodes(plan)]
                for objection in objections(late, before, plan.target, live=self.handler.is_live):
                    hooks.on_warning(f"joined meanwhile: {objection.forced}")

    def _new_nodes(self, plan: PlanT) -> set[str]:
        """Return the nodes that joined since *plan* judged them all."""
        if plan.nodes is None:
            return set()
        return {*(self.handler.children("base.node") or [])} - {*plan.nodes}

    def _ensure_version(self) -> None:
        """Create the version if it is missing, because only a znode can be locked.

        A missing version means 0, and gets that value; on an uninitialised tree it stays empty.
        """
        schema, store = ZKSchema.at(0), self.handler.store
        version = "" if is_uninitialised(store) else "0"
        for key, value in (("base.schema", ""), (VERSION_KEY, version)):
            path = schema.path(key) or ""
            if store.read([Read(path)]) != [None]:
                continue
            try:
                store.commit([Op("create", path, value.encode())])
            except CommitConflictError:
                continue  # another client created it
            now = self.handler.read_base()
            if path == VERSION_PATH and self.base.znode is None and now.version == 0:
                self.base = now

    def _judge_base(self, plan: PlanT) -> None:
        """Check that the version is still the one that was decided on, or the one that was to be reached."""
        if not self.base.is_same(plan.base):
            if plan.base.version != plan.target:
                raise self._moved(plan.base)
            self.base = plan.base

    def _moved(self, now: Base) -> ConflictError:
        again = " and was set again meanwhile" if now.version == self.base.version else ""
        return ConflictError(
            f"the schema version was {self.base.version} when this was planned, is {now.version} now{again}:"
            " rerun the same command to plan again"
        )


class _NewNodesError(Exception):
    """Nodes joined after all were judged."""


def _judge_losses(plan: TreePlan, confirmed: TreePlan) -> None:
    """Check that nothing is lost that was not announced."""
    if more := plan.losses() - confirmed.losses():
        raise ConflictError(
            f"{sum(more.values())} more items would be lost than announced: rerun the same command to see them"
        )


def _refuse_foreign(handler: ZKHandler) -> None:
    """Check that an uninitialised tree holds nothing but what PVC's schema has: a chroot may have been forgotten.

    :raises RefusedError: if it holds anything else.
    """
    ours = pvcs_roots()
    foreign = [name for name in handler.children("base.root") or [] if name not in ours]
    if foreign:
        raise RefusedError(
            f"this tree has no PVC schema, but holds /{', /'.join(map(printable, foreign[:3]))}: check the chroot, or"
            " initialise PVC beside them with 'pvc schema apply --into-foreign'"
        )
