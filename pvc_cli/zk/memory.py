"""A tree in memory that counts transactions and versions as ZooKeeper does."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from pvc_cli.zk.backup import Tree
from pvc_cli.zk.store import ANY_VERSION, CommitConflictError, Op, Read, ReadResult, Stat, Znode, pack_stat


class MemoryTree:
    """Every znode with its value, its versions and its children.

    :param tree: every znode, parents included.
    """

    def __init__(self, tree: Tree) -> None:
        self._values: dict[str, bytes] = {}
        self._marks: dict[str, _Mark] = {}
        self._children: dict[str, set[str]] = {}
        self._children_changed: dict[str, int] = {}
        self._transactions = 0
        for at in sorted(tree):
            self._put(at, tree[at], _Mark(0))

    @property
    def tree(self) -> dict[str, bytes]:
        """Every znode with its value."""
        return dict(self._values)

    @property
    def last_zxid(self) -> int:
        """The number of the last transaction."""
        return self._transactions

    def _reload(self, tree: Tree) -> None:
        """Make the tree in memory the one in the file; what differs gets another version."""
        self._transactions += 1
        for path in sorted(self._values.keys() - tree.keys(), reverse=True):
            self._drop(path)
        for path in sorted(tree):
            if path not in self._values:
                self._put(path, tree[path], _Mark(self._transactions))
            elif self._values[path] != tree[path]:
                self._put(path, tree[path], self._marks[path].after_set(self._transactions))

    def _read(self, read: Read) -> ReadResult:
        if read.path not in self._values:
            return None
        if read.children:
            return list(self._children[read.path])
        data, mark = self._values[read.path], self._marks[read.path]
        children = self._children[read.path]
        changed = self._children_changed.get(read.path, mark.created)
        stat = Stat(
            czxid=mark.created,
            mzxid=mark.modified,
            ctime=0,
            mtime=0,
            version=mark.version,
            cversion=_number_of(children),
            aversion=0,
            ephemeral_owner=0,
            data_length=len(data),
            children_count=len(children),
            pzxid=changed,
        )
        return Znode(data, pack_stat(stat))

    def _apply_all(self, ops: Sequence[Op]) -> list[int | None]:
        """Apply all of *ops*, or none, and return which transaction created what each of them sets.

        :raises CommitConflictError: if the tree is not as one of them expects it.
        """
        self._transactions += 1
        before: dict[str, tuple[bytes, _Mark] | None] = {}
        created: list[int | None] = []
        try:
            for op in ops:
                there = op.path in self._values
                before.setdefault(op.path, (self._values[op.path], self._marks[op.path]) if there else None)
                self._apply(op)
                created.append(self._marks[op.path].created if op.kind == "set" else None)
        except BaseException:  # an interruption must not leave half of it
            for path in sorted(before, reverse=True):
                if before[path] is None and path in self._values:
                    self._drop(path)
            for path in sorted(before):
                if found := before[path]:
                    self._put(path, *found)
            raise
        return created

    def _apply(self, op: Op) -> None:
        there = op.path in self._values
        if op.kind == "create":
            if there:
                raise CommitConflictError(op, "already exists")
            if _parent(op.path) not in self._values:
                raise CommitConflictError(op, "lost its parent")
            self._put(op.path, op.data, _Mark(self._transactions))
            return
        if not there:
            raise CommitConflictError(op, "no longer exists")
        if op.version not in (ANY_VERSION, self._marks[op.path].version):
            raise CommitConflictError(op, "was modified")
        if op.kind == "set":
            self._put(op.path, op.data, self._marks[op.path].after_set(self._transactions))
        elif op.kind == "delete":
            if self._children[op.path]:
                raise CommitConflictError(op, "has new children")
            self._drop(op.path)

    def _put(self, path: str, value: bytes, mark: _Mark) -> None:
        is_new = path not in self._values
        self._values[path], self._marks[path] = value, mark
        self._children.setdefault(path, set())
        if path != "/" and is_new:
            self._children[_parent(path)].add(_name(path))
            self._children_changed[_parent(path)] = self._transactions

    def _drop(self, path: str) -> None:
        del self._values[path], self._marks[path], self._children[path]
        self._children[_parent(path)].discard(_name(path))
        self._children_changed[_parent(path)] = self._transactions
        self._children_changed.pop(path, None)


class _Mark(NamedTuple):
    """When a znode was created and last set, as numbers of transactions, and how often it was set."""

    created: int
    modified: int = 0
    version: int = 0

    def after_set(self, transaction: int) -> _Mark:
        return _Mark(self.created, transaction, self.version + 1)


def _number_of(names: set[str]) -> int:
    """Return a number that tells these children from others: a file that is opened again has no counter."""
    return zlib.crc32("/".join(sorted(names)).encode("utf-8", "surrogatepass")) >> 1


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _name(path: str) -> str:
    return path.rpartition("/")[2]
