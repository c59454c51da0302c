"""Walk through whole subtrees in bounded memory, and notice what moves meanwhile."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice

from pvc_cli.zk.flow import are_logs
from pvc_cli.zk.reads import outermost
from pvc_cli.zk.schema import container_names
from pvc_cli.zk.store import Read, Store, Znode

GROUP = 20_000
"""How many znodes are read before what is below them is: what of a walk is in memory at once."""
_ROUNDS = 8
_FEW = 1 << 20
_RECORD = struct.Struct(">qI")


def walk(
    store: Store,
    tops: Iterable[str],
    on_moving: Callable[[str], None] = lambda _: None,
    *,
    skip: frozenset[str] = frozenset(),
) -> Iterator[tuple[str, Znode]]:
    """Yield every znode from *tops* down, parents before their children.

    What is renamed between two reads would be at neither place. So at the end, each parent, and what had no children
    but may get some, is looked at again; what was created there since is read, too. What was deleted and created
    again comes twice: the second is the one that counts.

    :param on_moving: is told of a parent whose children kept changing until we gave up.
    :param skip: names of root znodes to leave out.
    """
    with closing(_Walk(store, skip)) as walk_:
        yield from walk_.descend(sorted(tops))
        for _ in range(_ROUNDS):
            new = walk_.arrivals()
            if not new:
                return
            yield from walk_.descend(new)
        for path in walk_.changed():
            on_moving(path)


class _Walk:
    """A walk, with what it still has to look at again."""

    def __init__(self, store: Store, skip: frozenset[str]) -> None:
        self._store, self._skip = store, skip
        self._parents = _Parents()
        self._may_grow = container_names()
        self._begun = store.last_zxid
        self._fresh: set[str] = set()
        """What was read that is newer than the walk."""

    def descend(self, tops: list[str]) -> Iterator[tuple[str, Znode]]:
        """Yield every znode from *tops*, which are sorted, down."""
        stack = [tops[::-1]]
        while stack:
            paths = stack[-1]
            if not paths:
                stack.pop()
                continue
            head = paths[: -GROUP - 1 : -1]
            del paths[-GROUP:]
            # What is large goes in requests of its own, and all else in few.
            head.sort(key=are_logs)
            inner: list[str] = []
            results = (result for batch in self._store.stream([Read(path) for path in head]) for result in batch)
            for path, znode in zip(head, results, strict=True):
                if not isinstance(znode, Znode):
                    continue
                yield path, znode
                stat = znode.stat
                if stat.czxid > self._begun:
                    self._fresh.add(path)
                # A leaf says so in its record: only the others are asked who their children are.
                if stat.children_count:
                    inner.append(path)
                if stat.children_count or path.rpartition("/")[2] in self._may_grow:
                    self._parents.add(path, stat.pzxid)
            if inner:
                found = self._store.read([Read(path, children=True) for path in inner])
                below = [at for path, names in zip(inner, found, strict=True) for at in self._children(path, names)]
                stack.append(below[::-1])

    def arrivals(self) -> list[str]:
        """Return what was created below the parents since they were read; those are to be looked at once more."""
        new: list[str] = []
        again = _Parents()
        for known, changed in self._parents.changed(self._store):
            listed = self._store.read([Read(path, children=True) for path in changed])
            paths = [at for path, names in zip(changed, listed, strict=True) for at in self._children(path, names)]
            for path, znode in zip(paths, self._store.read([Read(path) for path in paths]), strict=True):
                parent = path.rpartition("/")[0] or "/"
                if isinstance(znode, Znode) and znode.stat.czxid > known[parent] and path not in self._fresh:
                    new.append(path)
            for path, pzxid in changed.items():
                again.add(path, pzxid)
        self._parents.close()
        self._parents = again
        return sorted(outermost(new))

    def close(self) -> None:
        """Delete what is on disk."""
        self._parents.close()

    def changed(self) -> Iterator[str]:
        """Yield the parents that changed again."""
        for _, changed in self._parents.changed(self._store):
            yield from changed

    def _children(self, path: str, names: object) -> list[str]:
        if not isinstance(names, list):
            return []
        left = set(names) - self._skip if path == "/" else names
        return [f"{path.rstrip('/')}/{name}" for name in sorted(left)]


class _Parents:
    """Paths, and the last change of their children that was seen: few in memory, many on disk."""

    def __init__(self) -> None:
        # Imported here: most commands walk through nothing.
        import tempfile

        self._file = tempfile.SpooledTemporaryFile(max_size=_FEW)  # noqa: SIM115 - closed with the walk

    def add(self, path: str, pzxid: int) -> None:
        name = path.encode("utf-8", "surrogatepass")
        self._file.write(_RECORD.pack(pzxid, len(name)) + name)

    def changed(self, store: Store) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
        """Yield those whose children changed, with what was known of each, and what is now."""
        self._file.seek(0)
        records = self._records()
        while known := dict(islice(records, GROUP)):
            found = zip(known, store.read([Read(path) for path in known]), strict=True)
            now = {path: znode.stat.pzxid for path, znode in found if isinstance(znode, Znode)}
            changed = {path: pzxid for path, pzxid in now.items() if pzxid != known[path]}
            if changed:
                yield known, changed

    def close(self) -> None:
        self._file.close()

    def _records(self) -> Iterator[tuple[str, int]]:
        while head := self._file.read(_RECORD.size):
            pzxid, length = _RECORD.unpack(head)
            yield self._file.read(length).decode("utf-8", "surrogatepass"), pzxid
