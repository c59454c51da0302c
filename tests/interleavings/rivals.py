"""What another client may do between any two calls of a command, and the store that lets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pvc_cli.errors import AccessDeniedError, LockError, OutcomeUnknownError
from pvc_cli.zk.snapshot import SnapshotStore
from pvc_cli.zk.store import (
    CommitConflictError,
    Lock,
    LockKind,
    OnWait,
    Op,
    Read,
    ReadResult,
    ReplacedError,
    Store,
    TextResult,
    Znode,
    as_text,
)

CONTENDER = "/schema/version/0123456789abcdef0123456789abcdef__lock__0000000001"


def value(store: Store, path: str) -> str | None:
    """The value at *path*, None where there is no znode."""
    (found,) = store.read([Read(path)])
    return found.text if isinstance(found, Znode) else None


def names(store: Store, path: str) -> list[str]:
    """The children of *path*, none where there is no znode."""
    (found,) = store.read([Read(path, children=True)])
    return sorted(found) if isinstance(found, list) else []


def put(store: Store, path: str, text: str) -> None:
    """Set a znode, or create it where its parent is."""
    parent = path.rpartition("/")[0] or "/"
    if value(store, path) is not None:
        store.commit([Op("set", path, text.encode())])
    elif value(store, parent) is not None:
        store.commit([Op("create", path, text.encode())])


def drop(store: Store, path: str) -> dict[str, str]:
    """Delete a subtree; return what it held."""
    held: dict[str, str] = {}
    level = [path]
    while level:
        at = level.pop()
        if (text := value(store, at)) is not None:
            held[at] = text
            level += [f"{at}/{name}" for name in names(store, at)]
    store.commit([Op("delete", at) for at in sorted(held, reverse=True)])
    return held


def recreate(store: Store, path: str, **changed: str) -> None:
    """Delete a subtree and create it again, all versions 0, with some of its values *changed*."""
    held = drop(store, path)
    if held:
        held |= {f"{path}/{name}": text for name, text in changed.items()}
        store.commit([Op("create", at, held[at].encode()) for at in sorted(held)])


def arrive(store: Store, vm: str, node: str, device: str) -> None:
    """Bring a running VM to a node, with a device in its XML: no znode of the node tells."""
    put(store, f"{vm}/xml", (value(store, f"{vm}/xml") or "").replace("</devices>", f"{device}</devices>"))
    put(store, f"{vm}/state", "start")
    put(store, f"{vm}/node", node)


@dataclass
class Own:
    """A transaction of the command's, and what its judge finds wrong with it."""

    ops: tuple[Op, ...]
    wrongs: list[str]
    call: int
    """The number of the call that sent it."""


@dataclass
class Interleaved:
    """A store in which a rival acts before one call, or several do before several.

    :param acts: what happens before the call of each number, counted from 1.
    :param judge: says what is wrong with a transaction, from the tree as it is just before it.
    """

    inner: Store
    acts: dict[int, Callable[[Interleaved], None]]
    judge: Callable[[Interleaved, Sequence[Op]], list[str]]
    calls: int = 0
    own: list[Own] = field(default_factory=list)
    base: Znode | None = None
    """The schema version as the command read it first, if there was one."""
    start: int | None = None
    """Its number, 0 where there was none."""
    fault: str = ""
    """What becomes of the next transaction: denied, lost before it arrives, lost after it is done."""

    def _turn(self) -> None:
        self.calls += 1
        if act := self.acts.get(self.calls):
            act(self)

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        self._turn()
        results = self.inner.read(reads)
        if self.start is None and Read("/schema/version") in reads:
            found = results[list(reads).index(Read("/schema/version"))]
            self.base = found if isinstance(found, Znode) else None
            self.start = int(self.base.text or 0) if self.base else 0
        return results

    def tolerant(self, denied: dict[str, None]) -> Interleaved:  # noqa: ARG002
        return self

    def stream(self, reads: Sequence[Read]) -> Iterator[list[ReadResult]]:
        yield self.read(reads)

    def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
        return lambda: [as_text(result) for result in self.read(reads)]

    @property
    def last_zxid(self) -> int:
        return self.inner.last_zxid

    def size(self, ops: Sequence[Op]) -> int:
        return self.inner.size(ops)

    def require_fit(self, ops: Sequence[Op]) -> None:
        self.inner.require_fit(ops)

    def require_writable(self) -> None:
        self.inner.require_writable()

    def exposes(self, paths: Sequence[str]) -> bool:
        return self.inner.exposes(paths)

    def commit(self, ops: Sequence[Op]) -> None:
        self._turn()
        fault, self.fault = self.fault, ""
        if fault == "denied":
            raise AccessDeniedError("ZooKeeper denied access to it: use credentials with access")
        if fault == "lost before":
            raise OutcomeUnknownError("lost the connection during a change, and its outcome is unknown")
        own = Own(tuple(op for op in ops if op.kind != "check"), self.judge(self, ops), self.calls)
        try:
            self.inner.commit(ops)
        except ReplacedError:
            # Nobody can prevent that; it has to be reported.
            self.own.append(Own(own.ops, [], self.calls))
            raise
        if own.ops:
            self.own.append(own)
        if fault == "lost after":
            raise OutcomeUnknownError("lost the connection during a change, and its outcome is unknown")

    def lock(self, kind: LockKind, path: str, on_wait: OnWait = None) -> Lock:
        if isinstance(self.inner, SnapshotStore):
            return _Queue(self, path)
        self._turn()
        return self.inner.lock(kind, path, on_wait)

    def save(self) -> None:
        """There is no file."""


class _Queue:
    """A lock with a contender, which a lost session takes away."""

    fence: Op | None = None
    fenced = True

    def __init__(self, store: Interleaved, path: str) -> None:
        self._store = store
        self._path = path
        self._contender = f"{path}/{CONTENDER.rpartition('/')[2]}"

    def acquire(self) -> None:
        self._store._turn()
        try:
            self._store.inner.commit([Op("create", self._contender)])
        except CommitConflictError:
            raise LockError(
                f"cannot lock {self._path}: it does not exist; check that the item still exists"
            ) from None
        self.fence = Op("check", self._contender, version=0) if self.fenced else None

    def try_acquire(self) -> str:
        self.acquire()
        return ""

    def holders(self) -> str:
        return ""

    def is_held(self) -> bool:
        return value(self._store.inner, self._contender) is not None

    def release(self) -> None:
        self.fence = None
        if value(self._store.inner, self._contender) is not None:
            self._store.inner.commit([Op("delete", self._contender)])

    def __enter__(self) -> _Queue:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def clone(store: SnapshotStore) -> SnapshotStore:
    """A copy of a store, faster than a new one."""
    copy = SnapshotStore({"/": b""})
    copy._values = dict(store._values)
    copy._marks = dict(store._marks)
    copy._children = {path: set(children) for path, children in store._children.items()}
    copy._children_changed = dict(store._children_changed)
    copy._transactions = store._transactions
    return copy
