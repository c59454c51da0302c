"""Read whole subtrees, all of them level by level together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pvc_cli.zk.store import Read, Store, Znode


def read_trees(store: Store, roots: Sequence[str]) -> list[dict[str, Znode]]:
    """Return, for each of *roots*, every znode from it down by path: one batch per level, empty if it is missing."""
    trees: list[dict[str, Znode]] = [{} for _ in roots]
    level = list(zip(trees, roots, strict=True))
    while level:
        values = store.fetch([Read(path) for _, path in level])
        # A leaf says so in its record: only the others are asked who their children are.
        inner = []
        for (tree, path), znode in zip(level, values, strict=True):
            if isinstance(znode, Znode):
                tree[path] = znode
                if znode.stat.children_count:
                    inner.append((tree, path))
        names = store.fetch([Read(path, children=True) for _, path in inner])
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
