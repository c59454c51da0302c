"""A backup file as a store: the same reads and commits, without a cluster."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pvc_cli.errors import RefusedError
from pvc_cli.files import FileLock, cannot_write, write_file
from pvc_cli.zk.backup import Tree, decode_backup, encode_backup, read_backup_file
from pvc_cli.zk.memory import MemoryTree
from pvc_cli.zk.store import (
    LockKind,
    OnWait,
    Op,
    Read,
    ReadResult,
    TextResult,
    as_text,
    judge_replaced,
)
from pvc_cli.zk.undo import Changed, OnChange, thing_in_backup, with_things

_TOLD_AT_ONCE = 1_000


class SnapshotStore(MemoryTree):
    """Reads from and commits to the tree in a backup file; see :class:`pvc_cli.zk.store.Store`.

    Changes are made in memory. :meth:`save` puts them into the file, all at once. From the first change or lock on,
    other processes wait with theirs; what they changed until then is read again first, so that guards notice it.

    :param tree: every znode, parents included.
    :param path: the file, if there is one.
    :param lock_timeout: how long, in seconds, to wait for another process that changes the file.
    :param read_only: why nothing may be changed, and what allows it; empty to allow it.
    :param on_change: is told what is about to change in the file; what it returns is told what has, once it is saved.
    """

    def __init__(
        self,
        tree: Tree,
        path: Path | None = None,
        *,
        lock_timeout: float = 10.0,
        read_only: str = "",
        on_change: OnChange = lambda _: lambda _: None,
    ) -> None:
        super().__init__(tree)
        self._path = path
        self._on_change = on_change
        self._saved: dict[str, bytes | None] = {}
        self._read_only = read_only
        self._changed = False
        self._lock = FileLock(path, lock_timeout) if path else None
        self._read_at: os.stat_result | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        lock_timeout: float = 10.0,
        read_only: str = "",
        on_change: OnChange = lambda _: lambda _: None,
    ) -> SnapshotStore:
        """Return the store that is the backup file at *path*; its other parameters are those of the class.

        :raises ConfigError: if the file cannot be read or is not a backup.
        """
        read_at = _stat(path)
        tree = decode_backup(read_backup_file(path), str(path))
        store = cls(tree, path, lock_timeout=lock_timeout, read_only=read_only, on_change=on_change)
        store._read_at = read_at
        return store

    def _claim(self) -> None:
        """Keep out other processes, and read again what they changed before."""
        if not (self._lock and self._path):
            return
        self._lock.acquire()
        now = _stat(self._path)
        if self._read_at and not _is_same(self._read_at, now):
            self._reload(decode_backup(read_backup_file(self._path), str(self._path)))
        self._read_at = now

    def tolerant(self, denied: dict[str, None]) -> SnapshotStore:  # noqa: ARG002 - one signature for all stores
        """Return this: a file can be read whole."""
        return self

    def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
        """Return a function that reads: a file needs no waiting."""
        return lambda: [as_text(result) for result in self.read(reads)]

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        """Return the result of each of *reads*, in order."""
        return [self._read(read) for read in reads]

    def stream(self, reads: Sequence[Read]) -> Iterator[list[ReadResult]]:
        """Yield the results of *reads*, all at once: the file is in memory."""
        yield self.read(reads)

    def commit(self, ops: Sequence[Op]) -> None:
        """Apply all of *ops*, or none, in memory.

        :raises LockError: if another process changes the file for too long.
        :raises RefusedError: if the file is read-only.
        """
        if any(op.kind != "check" for op in ops):
            self.require_writable()
        self._claim()
        before = {op.path: self._values.get(op.path) for op in ops if op.kind != "check"}
        created = self._apply_all(ops)
        self._changed = self._changed or bool(before)
        for path, value in before.items():
            self._saved.setdefault(path, value)
        judge_replaced(ops, created)

    def size(self, ops: Sequence[Op]) -> int:
        """Return how many bytes *ops* take, rounded up."""
        return sum(op.size for op in ops)

    def require_fit(self, ops: Sequence[Op]) -> None:
        """Do nothing: a file takes any value."""

    def require_writable(self) -> None:
        """Check that the file may be changed.

        :raises RefusedError: if it is read-only.
        """
        if self._read_only:
            raise RefusedError(self._read_only)

    def exposes(self, paths: Sequence[str]) -> bool:  # noqa: ARG002 - one signature for all stores
        """Return False: a file has no access control lists."""
        return False

    def lock(self, kind: LockKind, path: str, on_wait: OnWait = None) -> FileStoreLock:  # noqa: ARG002 - one signature for all stores
        """Return a lock on the whole file, which is for those who change it."""
        self.require_writable()
        return FileStoreLock(self._claim)

    def save(self) -> None:
        """Write the tree to the file, if it was changed, and let other processes change it again.

        :raises ConfigError: if the file cannot be written; it is as it was then.
        """
        try:
            if self._changed and self._path:
                self._write(self._path)
        finally:
            if self._lock:
                self._lock.release()

    def _write(self, path: Path) -> None:
        changes = [Changed(at, old, self._values.get(at)) for at, old in sorted(self._saved.items())]
        changes = [change for change in changes if change.before != change.after]
        changes = with_things(changes, lambda path: thing_in_backup(path, self._values.get(path)))
        chunks = [changes[start : start + _TOLD_AT_ONCE] for start in range(0, len(changes), _TOLD_AT_ONCE)]
        told = [(self._on_change(chunk), chunk) for chunk in chunks]
        try:
            # Once it is written, another process may replace it: what it is then is not what we wrote.
            self._read_at = write_file(path, encode_backup(self._values)) or _stat(path)
        except OSError as error:
            for settle, _ in told:
                settle([])
            raise cannot_write(path, error) from None
        self._changed = False
        self._saved.clear()
        for settle, chunk in told:
            settle(chunk)


class FileStoreLock:
    """A lock on a tree in a file: other processes wait until it is saved; see :class:`pvc_cli.zk.store.Lock`.

    :param claim: keeps them out.
    """

    fence: Op | None = None

    def __init__(self, claim: Callable[[], None]) -> None:
        self._claim = claim

    def acquire(self) -> None:
        """Wait for other processes."""
        self._claim()

    def try_acquire(self) -> str:
        """Wait for other processes: how long is limited."""
        self._claim()
        return ""

    def holders(self) -> str:
        """Return that nobody does: who is kept out does not say who it is."""
        return ""

    def is_held(self) -> bool:
        """Tell that it is held: nobody can take it away."""
        return True

    def release(self) -> None:
        """Do nothing: the file is released when it is saved."""

    def __enter__(self) -> FileStoreLock:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def _stat(path: Path) -> os.stat_result | None:
    with contextlib.suppress(OSError):
        return path.stat()
    return None


def _is_same(before: os.stat_result, now: os.stat_result | None) -> bool:
    """Tell whether a file is the one it was."""
    return now is not None and (before.st_ino, before.st_mtime_ns, before.st_size) == (
        now.st_ino,
        now.st_mtime_ns,
        now.st_size,
    )
