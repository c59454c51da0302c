"""Walk through whole subtrees in bounded memory, and notice what moves meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pvc_cli.zk.flow import are_logs
from pvc_cli.zk.store import Read, Store, Znode

GROUP = 20_000
"""How many znodes are read before what is below them is: what of a walk is in memory at once."""
_ROUNDS = 8


@dataclass(slots=True)
class _Level:
    """Znodes to read, last first, and the parents whose children they are."""

    paths: list[str]
    parents: dict[str, tuple[int, set[str]]] = field(default_factory=dict)
    """For each parent, the last change of its children that was seen, and their names."""
    rounds: int = 0

    def forget(self, path: str) -> None:
        """Take *path*, which is gone, for not seen: it may be created again."""
        parent, _, name = path.rpartition("/")
        if known := self.parents.get(parent or "/"):
            known[1].discard(name)


def walk(
    store: Store,
    tops: Iterable[str],
    on_moving: Callable[[str], None] = lambda _: None,
    *,
    skip: frozenset[str] = frozenset(),
) -> Iterator[tuple[str, Znode]]:
    """Yield every znode from *tops* down, parents before their children.

    What is renamed between two levels of the walk would be at neither place. So each parent is looked at again once
    its children are read; what is new there is read, too.

    :param on_moving: is told of a parent whose children kept changing until we gave up.
    :param skip: names of root znodes to leave out.
    """
    stack = [_Level(sorted(tops, reverse=True))]
    while stack:
        level = stack[-1]
        if not level.paths:
            stack.pop()
            if new := _look_again(store, level, on_moving, skip):
                stack.append(new)
            continue
        head = level.paths[: -GROUP - 1 : -1]
        del level.paths[-GROUP:]
        # What is large goes in requests of its own, and all else in few.
        head.sort(key=are_logs)
        inner: list[tuple[str, int]] = []
        results = (result for batch in store.stream([Read(path) for path in head]) for result in batch)
        for path, znode in zip(head, results, strict=True):
            if isinstance(znode, Znode):
                yield path, znode
                # A leaf says so in its record: only the others are asked who their children are.
                if (stat := znode.stat).children_count:
                    inner.append((path, stat.pzxid))
            else:
                level.forget(path)
        if inner:
            below = _Level([])
            found = store.read([Read(path, children=True) for path, _ in inner])
            for (path, changed), names in zip(inner, found, strict=True):
                if names is None:
                    level.forget(path)
                elif isinstance(names, list):
                    names = list(set(names) - skip) if path == "/" else names
                    below.parents[path] = (changed, set(names))
                    below.paths += _children(path, names)
            below.paths.reverse()
            stack.append(below)


def _children(path: str, names: Iterable[str]) -> list[str]:
    return [f"{path.rstrip('/')}/{name}" for name in sorted(names)]


def _look_again(store: Store, level: _Level, on_moving: Callable[[str], None], skip: frozenset[str]) -> _Level | None:
    """Return what has come to the parents of *level* since their children were listed."""
    found = store.read([Read(path) for path in level.parents])
    moved = [
        (path, znode.stat.pzxid)
        for path, znode in zip(level.parents, found, strict=True)
        if isinstance(znode, Znode) and znode.stat.pzxid != level.parents[path][0]
    ]
    if not moved:
        return None
    if level.rounds == _ROUNDS:
        for path, _ in moved:
            on_moving(path)
        return None
    again = _Level([], rounds=level.rounds + 1)
    listed = store.read([Read(path, children=True) for path, _ in moved])
    for (path, changed), names in zip(moved, listed, strict=True):
        if isinstance(names, list):
            seen = level.parents[path][1] | (skip if path == "/" else set())
            again.parents[path] = (changed, seen | set(names))
            again.paths += _children(path, set(names) - seen)
    return again
