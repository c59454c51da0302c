"""Read by paths: values and children in one batch, whole subtrees in one batch per level."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any

from pvc_cli.zk.names import NOT_PVCS, is_contender
from pvc_cli.zk.store import Read, Store, Znode, new_read

Paths = Sequence[str | None]
Values = list[str | None]
"""Values of keys, None where there is no such znode."""
Names = list[list[str] | None]
"""Names of the children of keys, sorted, None where there is no such znode."""


def request(store: Store, values: Paths, children: Paths) -> Callable[[], tuple[Values, Names]]:
    """Request the values at some paths and the children at others, and return what waits for both."""
    collect = store.request(
        [
            *(new_read((path, False)) for path in values if path is not None),
            *(new_read((path, True)) for path in children if path is not None),
        ]
    )

    def wait() -> tuple[Values, Names]:
        found: Iterator[Any] = iter(collect())
        return (
            [None if path is None else next(found) for path in values],
            [None if path is None or (names := next(found)) is None else _sorted(path, names) for path in children],
        )

    return wait


def request_rows(store: Store, paths: Paths, values: int, children: int) -> Callable[[], list[tuple[Values, Names]]]:
    """Request the same keys of many items, and return what waits for them: the fastest way to read a list.

    :param paths: for each item *values* paths whose values, then *children* paths whose children are wanted.
    """
    kinds = cycle([False] * values + [True] * children)
    collect = store.request(
        [new_read((path, below)) for path, below in zip(paths, kinds, strict=False) if path is not None]
    )

    def wait() -> list[tuple[Values, Names]]:
        found: Iterator[Any] = iter(collect())
        if None in paths:
            found = iter([None if path is None else next(found) for path in paths])
        rows = iter(lambda: list(islice(found, values + children)), [])
        return [(row[:values], [names and sorted(names) for names in row[values:]]) for row in rows]

    return wait


def _sorted(path: str, names: list[str]) -> list[str]:
    return sorted(set(names) - NOT_PVCS if path == "/" else names)


def read_trees(store: Store, roots: Sequence[str]) -> list[dict[str, Znode]]:
    """Return, for each of *roots*, every znode from it down by path: one batch per level, empty if it is missing."""
    trees: list[dict[str, Znode]] = [{} for _ in roots]
    level = list(zip(trees, roots, strict=True))
    while level:
        values = store.read([Read(path) for _, path in level])
        # A leaf says so in its record: only the others are asked who their children are.
        inner = []
        for (tree, path), znode in zip(level, values, strict=True):
            if isinstance(znode, Znode):
                tree[path] = znode
                if znode.stat.children_count:
                    inner.append((tree, path))
        names = store.read([Read(path, children=True) for _, path in inner])
        level = [
            (tree, f"{path}/{name}")
            for (tree, path), found in zip(inner, names, strict=True)
            if isinstance(found, list)
            for name in found
        ]
    return trees


def outermost(paths: Iterable[str]) -> list[str]:
    """Leave out the paths that are below another one, or the same."""
    kept: list[str] = []
    for path in sorted(paths, key=lambda path: f"{path}/"):
        if not (kept and f"{path}/".startswith(f"{kept[-1]}/")):
            kept.append(path)
    return kept


def is_stuck(path: str, znode: Znode) -> bool:
    """Tell whether a znode is a lock contender that no session owns: restored from a backup, it never goes."""
    return is_contender(path) and not znode.stat.ephemeral_owner
