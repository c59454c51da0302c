"""What a ZKHandler stands on: reads znodes in batches, commits whole transactions.

Paths here are strings made by the schema; nothing above the handler sees one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple, Protocol

from pvc_cli.errors import AccessDeniedError, ConflictError

_STAT = struct.Struct(">qqqqiiiqiiq")
ANY_VERSION = -1


class Stat(NamedTuple):
    """ZooKeeper's record of a znode; times in milliseconds since 1970, the rest counters and transaction ids."""

    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    """Changes with the children; in a backup, another number for other names."""
    aversion: int
    ephemeral_owner: int
    data_length: int
    children_count: int
    pzxid: int


class Znode(NamedTuple):
    """A znode as it was read. The stat stays packed until it is used: a listing never does."""

    data: bytes
    packed_stat: bytes

    @property
    def text(self) -> str:
        """The value as text; what is not UTF-8 in it becomes U+FFFD."""
        return self.data.decode("utf-8", "replace")

    @property
    def stat(self) -> Stat:
        """The znode's record."""
        return Stat._make(_STAT.unpack(self.packed_stat))

    @property
    def version(self) -> int:
        """How often the value was set: what a guarded write checks."""
        return self.stat.version


# A named tuple's own constructor is Python, and takes three times as long as all else in reading a small value.
new_znode: Callable[[tuple[bytes, bytes]], Znode] = partial(tuple.__new__, Znode)
"""Make a :class:`Znode` of a tuple of its fields, fast."""


def pack_stat(fields: Iterable[int]) -> bytes:
    """Return the packed form of a stat's eleven fields, as they come from kazoo."""
    return _STAT.pack(*fields)


class Read(NamedTuple):
    """One thing to read: the value at *path*, or the names of the children there."""

    path: str
    children: bool = False


new_read: Callable[[tuple[str, bool]], Read] = partial(tuple.__new__, Read)
"""Make a :class:`Read` of a tuple of its fields, fast."""


ReadResult = Znode | list[str] | None
"""What a read gives: a znode, children's names in no order, or None where there is no such znode."""
TextResult = str | list[str] | None
"""The same, the znode's value as text alone."""


def as_text(result: ReadResult) -> TextResult:
    """Return what a read gave, with a znode's value as text in its place."""
    return result.text if isinstance(result, Znode) else result


class Op(NamedTuple):
    """One step of a transaction; *version* guards it, :data:`ANY_VERSION` does not."""

    kind: Literal["create", "set", "delete", "check"]
    path: str
    data: bytes = b""
    version: int = ANY_VERSION
    found: Znode | None = None
    """The znode that a set or a deletion was decided on: one that was deleted and created again may have the same
    version."""

    @property
    def size(self) -> int:
        """How many bytes this step takes in a request without chroot, rounded up, with an open ACL."""
        return 48 + len(self.path.encode()) + len(self.data)


class CommitConflictError(ConflictError):
    """A transaction was refused, whole, because of the step *op*; nothing of it was applied."""

    def __init__(self, op: Op, reason: str) -> None:
        super().__init__(f"{op.path} {reason}: another client changed it at the same time")
        self.op = op


def access_denied(path: str) -> AccessDeniedError:
    """Return the error for a znode that this client may not use."""
    return AccessDeniedError(f"ZooKeeper denied access to {path}: use credentials with access")


class ReplacedError(ConflictError):
    """A transaction was applied, but to znodes that had been deleted and created again since they were read."""

    def __init__(self, paths: Sequence[str]) -> None:
        more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
        super().__init__(
            f"{paths[0]}{more} was deleted and created again during the change, which overwrote the new one:"
            " check it, then rerun the same command"
        )
        self.paths = frozenset(paths)


def judge_replaced(ops: Sequence[Op], created: Iterable[int | None]) -> None:
    """Compare what a transaction has set with what it was decided on.

    ZooKeeper can check a znode's version, but not whether it is still the same znode.

    :param created: for each step that set a value, the `czxid` of the znode that it was set on.
    :raises ReplacedError: if one was another znode.
    """
    replaced = [
        op.path
        for op, czxid in zip(ops, created, strict=True)
        if op.kind == "set" and op.found and czxid is not None and op.found.stat.czxid != czxid
    ]
    if replaced:
        raise ReplacedError(replaced)


LockKind = Literal["readlock", "writelock", "exclusivelock"]
OnWait = Callable[[str], None] | None


class Lock(Protocol):
    """A lock that is held inside a ``with`` block."""

    fence: Op | None
    """While it is held: a step that refuses a transaction once it is lost, if the store needs one."""

    def acquire(self) -> None:
        """Wait for the lock.

        :raises LockError: if it was not free in time, or its znode is gone; nothing is left behind.
        """
        ...

    def try_acquire(self) -> str:
        """Acquire the lock if it is free; return who holds it, empty if that is us now.

        :raises LockError: if its znode is gone.
        """
        ...

    def holders(self) -> str:
        """Return who holds the lock, then who waits for it, as far as they say; empty if nobody does."""
        ...

    def is_held(self) -> bool:
        """Ask the servers whether it is still held: a lost session, or a deletion, takes it away."""
        ...

    def release(self) -> None:
        """Release the lock."""
        ...

    def __enter__(self) -> Lock: ...

    def __exit__(self, *error: object) -> None: ...


class Store(Protocol):
    """Reads in batches, commits whole transactions."""

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        """Return the result of each of *reads*, in order, in as few round trips as possible."""
        ...

    def tolerant(self, denied: dict[str, None]) -> Store:
        """Return a view that puts into *denied* what may not be read, and takes it for missing."""
        ...

    def stream(self, reads: Sequence[Read]) -> Iterator[list[ReadResult]]:
        """Yield the results of *reads* in order, some at a time: as they come, and no more than fit in memory."""
        ...

    def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
        """Send *reads*, and return what waits for their results, values as text.

        That is :meth:`read` in two halves, for those who want to know what a value is and not how old.
        """
        ...

    def commit(self, ops: Sequence[Op]) -> None:
        """Apply all of *ops*, or none.

        :raises CommitConflictError: if a step's guard, or the state of the tree, does not allow it.
        :raises ReplacedError: if they were applied, but a znode was not the one that was read.
        :raises OutcomeUnknownError: if the connection was lost and it cannot be told whether they were applied.
        """
        ...

    @property
    def last_zxid(self) -> int:
        """The number of the last transaction that is known of."""
        ...

    def size(self, ops: Sequence[Op]) -> int:
        """Return how many bytes *ops* take in a request, rounded up."""
        ...

    def require_fit(self, ops: Sequence[Op]) -> None:
        """Check that *ops* fit into one request.

        :raises TooLargeError: if they do not.
        """
        ...

    def require_writable(self) -> None:
        """Check, before anybody is asked anything, that changes are allowed.

        :raises RefusedError: if they are not.
        """
        ...

    def exposes(self, paths: Sequence[str]) -> bool:
        """Tell whether what we create is open to everyone, while access to one of *paths* is restricted."""
        ...

    def lock(self, kind: LockKind, path: str, on_wait: OnWait = None) -> Lock:
        """Return a lock on the existing znode at *path*; *on_wait* is told, every second, who holds it."""
        ...
