"""A backup file as a store: the same reads and commits, without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pvc_cli.errors import ConfigError
from pvc_cli.files import replace_file
from pvc_cli.zk.backup import Tree, decode_backup, encode_backup, read_backup_file
from pvc_cli.zk.store import (
    ANY_VERSION,
    CommitConflictError,
    LockKind,
    OnWait,
    Op,
    Read,
    ReadResult,
    Stat,
    TextResult,
    Znode,
    as_text,
    pack_stat,
)


class SnapshotStore:
    """Reads from and commits to the tree in a backup file; see :class:`pvc_cli.zk.store.Store`.

    Changes are made in memory. :meth:`save` puts them into the file, all at once.

    :param tree: every znode, parents included.
    :param path: the file, if there is one.
    """

    def __init__(self, tree: Tree, path: Path | None = None) -> None:
        self._path = path
        self._values = dict(tree)
        self._versions = dict.fromkeys(self._values, 0)
        self._children: dict[str, set[str]] = {at: set() for at in self._values}
        for at in self._values:
            if at != "/":
                self._children[_parent(at)].add(_name(at))
        self._changed = False

    @classmethod
    def open(cls, path: Path) -> SnapshotStore:
        """Return the store that is the backup file at *path*.

        :raises ConfigError: if the file cannot be read or is not a backup.
        """
        return cls(decode_backup(read_backup_file(path), str(path)), path)

    @property
    def tree(self) -> dict[str, bytes]:
        """Every znode with its value."""
        return dict(self._values)

    def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
        """Return a function that reads: a file needs no waiting."""
        return lambda: [as_text(result) for result in self.read(reads)]

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        """Return the result of each of *reads*, in order."""
        return [self._read(read) for read in reads]

    def _read(self, read: Read) -> ReadResult:
        if read.path not in self._values:
            return None
        if read.children:
            return list(self._children[read.path])
        data = self._values[read.path]
        children = len(self._children[read.path])
        stat = Stat(0, 0, 0, 0, self._versions[read.path], 0, 0, 0, len(data), children, 0)
        return Znode(data, pack_stat(stat))

    def commit(self, ops: Sequence[Op]) -> None:
        """Apply all of *ops*, or none, in memory."""
        before: dict[str, tuple[bytes, int] | None] = {}
        try:
            for op in ops:
                there = op.path in self._values
                before.setdefault(op.path, (self._values[op.path], self._versions[op.path]) if there else None)
                self._apply(op)
        except CommitConflictError:
            for path in sorted(before, reverse=True):
                if before[path] is None and path in self._values:
                    self._drop(path)
            for path in sorted(before):
                if found := before[path]:
                    self._put(path, *found)
            raise
        self._changed = self._changed or any(op.kind != "check" for op in ops)

    def _apply(self, op: Op) -> None:
        there = op.path in self._values
        if op.kind == "create":
            if there:
                raise CommitConflictError(op, "already exists")
            if _parent(op.path) not in self._values:
                raise CommitConflictError(op, "lost its parent")
            self._put(op.path, op.data, 0)
            return
        if not there:
            raise CommitConflictError(op, "no longer exists")
        if op.version not in (ANY_VERSION, self._versions[op.path]):
            raise CommitConflictError(op, "was modified")
        if op.kind == "set":
            self._put(op.path, op.data, self._versions[op.path] + 1)
        elif op.kind == "delete":
            if self._children[op.path]:
                raise CommitConflictError(op, "has new children")
            self._drop(op.path)

    def _put(self, path: str, value: bytes, version: int) -> None:
        self._values[path], self._versions[path] = value, version
        self._children.setdefault(path, set())
        if path != "/":
            self._children[_parent(path)].add(_name(path))

    def _drop(self, path: str) -> None:
        del self._values[path], self._versions[path], self._children[path]
        self._children[_parent(path)].discard(_name(path))

    def lock(self, kind: LockKind, path: str, on_wait: OnWait = None) -> OpenLock:  # noqa: ARG002 - one signature for all stores
        """Return a lock that is always free: the file is read once, and replaced at once."""
        return OpenLock()

    def save(self) -> None:
        """Write the tree to the file, if it was changed.

        :raises ConfigError: if the file cannot be written; it is as it was then.
        """
        if not (self._changed and self._path):
            return
        try:
            replace_file(self._path, encode_backup(self._values))
        except OSError as error:
            raise ConfigError(f"cannot write {self._path}: {error.strerror}") from None
        self._changed = False


class OpenLock:
    """A lock without competitors; see :class:`pvc_cli.zk.store.Lock`."""

    fence: Op | None = None

    def acquire(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""

    def __enter__(self) -> OpenLock:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _name(path: str) -> str:
    return path.rpartition("/")[2]
