"""A backup on disk as a store that is only read: any size in little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pvc_cli.errors import RefusedError
from pvc_cli.zk.spool import Spool
from pvc_cli.zk.store import Lock, LockKind, OnWait, Op, Read, ReadResult, Stat, TextResult, Znode, as_text, pack_stat

_PART = 5_000


class SpoolStore:
    """Reads from the backup in *spool*; see :class:`pvc_cli.zk.store.Store`. Nothing can be changed."""

    last_zxid = 0

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def tolerant(self, denied: dict[str, None]) -> SpoolStore:  # noqa: ARG002 - one signature for all stores
        """Return this: a backup can be read whole."""
        return self

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        """Return the result of each of *reads*, in order."""
        values = self._spool.values_of({read.path for read in reads})
        return [self._result(read, values.get(read.path)) for read in reads]

    def _result(self, read: Read, value: bytes | None) -> ReadResult:
        if value is None:
            return None
        if read.children:
            return self._spool.below(read.path)
        inner = int(self._spool.has_below(read.path))
        return Znode(value, pack_stat(Stat(0, 0, 0, 0, 0, 0, 0, 0, len(value), inner, 0)))

    def stream(self, reads: Sequence[Read]) -> Iterator[list[ReadResult]]:
        """Yield the results of *reads*, a part at a time."""
        for start in range(0, len(reads), _PART):
            yield self.read(reads[start : start + _PART])

    def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
        """Return a function that reads: a file needs no waiting."""
        return lambda: [as_text(result) for result in self.read(reads)]

    def commit(self, ops: Sequence[Op]) -> None:
        """Refuse any change.

        :raises RefusedError: if there is one.
        """
        if any(op.kind != "check" for op in ops):
            self.require_writable()

    def size(self, ops: Sequence[Op]) -> int:
        """Return how many bytes *ops* take, rounded up."""
        return sum(op.size for op in ops)

    def require_fit(self, ops: Sequence[Op]) -> None:
        """Do nothing: nothing is sent."""

    def require_writable(self) -> None:
        """Refuse: a backup that is read is never changed.

        :raises RefusedError: always.
        """
        raise RefusedError("cannot change a backup while it is read: use it as file:PATH")

    def exposes(self, paths: Sequence[str]) -> bool:  # noqa: ARG002 - one signature for all stores
        """Return False: a file has no access control lists."""
        return False

    def lock(self, kind: LockKind, path: str, on_wait: OnWait = None) -> Lock:  # noqa: ARG002 - one signature for all stores
        """Refuse: locks are for those who change something.

        :raises RefusedError: always.
        """
        self.require_writable()
        raise AssertionError
