"""Read a tree by schema keys, many at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any, cast

from pvc_cli.zk.names import NOT_PVCS
from pvc_cli.zk.schema import Key, ZKSchema
from pvc_cli.zk.store import Read, Store, Znode, new_read
from pvc_cli.zk.tree import read_trees


def _sorted(path: str, names: list[str]) -> list[str]:
    return sorted(set(names) - NOT_PVCS if path == "/" else names)


Values = list[str | None]
"""Values of keys, None where there is no such znode."""
Names = list[list[str] | None]
"""Names of the children of keys, sorted, None where there is no such znode."""


class TreeReader(ABC):
    """Reads by keys from some store. A key without a path reads as None, and does not exist."""

    @property
    @abstractmethod
    def store(self) -> Store:
        """What is read from."""

    @property
    @abstractmethod
    def schema(self) -> ZKSchema:
        """What turns keys into paths."""

    def read(self, key: Key) -> str | None:
        """Return the value of *key*, or None if there is none."""
        return self.read_many([key])[0]

    def read_many(self, keys: Iterable[Key]) -> list[str | None]:
        """Return the value of each of *keys*, None where there is none, in one batch."""
        return self.ask(keys)()[0]

    def look_many(self, keys: Iterable[Key]) -> list[Znode | None]:
        """Return the znode of each of *keys* with its version, None where there is none, in one batch."""
        paths = self.schema.paths(keys)
        found = iter(self.store.fetch([Read(path) for path in paths if path is not None]))
        return [None if path is None else cast("Znode | None", next(found)) for path in paths]

    def exists(self, key: Key) -> bool:
        """Tell whether *key* exists."""
        return self.exists_many([key])[0]

    def exists_many(self, keys: Iterable[Key]) -> list[bool]:
        """Tell of each of *keys* whether it exists, in one batch."""
        return [znode is not None for znode in self.look_many(keys)]

    def children(self, key: Key) -> list[str] | None:
        """Return the names of the children of *key*, sorted, or None if *key* does not exist."""
        return self.children_many([key])[0]

    def children_many(self, keys: Iterable[Key]) -> list[list[str] | None]:
        """Return the sorted names of the children of each of *keys*, None where it does not exist, in one batch."""
        return self.ask(children=keys)()[1]

    def ask(self, values: Iterable[Key] = (), children: Iterable[Key] = ()) -> Callable[[], tuple[Values, Names]]:
        """Ask for the values of some keys and the children of others, and return what waits for both.

        All go in one batch. What is done before the wait costs no time: so one reads on while making something of
        what was read before.
        """
        value_paths, child_paths = self.schema.paths(values), self.schema.paths(children)
        collect = self.store.ask(
            [
                *(new_read((path, False)) for path in value_paths if path is not None),
                *(new_read((path, True)) for path in child_paths if path is not None),
            ]
        )

        def wait() -> tuple[Values, Names]:
            found: Iterator[Any] = iter(collect())
            return (
                [None if path is None else next(found) for path in value_paths],
                [
                    None if path is None or (names := next(found)) is None else _sorted(path, names)
                    for path in child_paths
                ],
            )

        return wait

    def ask_each(
        self, items: Sequence[str], values: Sequence[str], children: Sequence[str] = ()
    ) -> Callable[[], list[tuple[Values, Names]]]:
        """Ask for the same keys of many items, and return what waits for them: the fast way to read a list.

        It gives for each item the values of its keys *values*, and the names of the children of its keys *children*.
        """
        paths = self.schema.paths_of_each(items, [*values, *children])
        kinds = cycle([False] * len(values) + [True] * len(children))
        asked = zip(paths, kinds, strict=False)
        collect = self.store.ask([new_read((path, below)) for path, below in asked if path is not None])
        width = len(values)

        def wait() -> list[tuple[Values, Names]]:
            found: Iterator[Any] = iter(collect())
            if None in paths:
                found = iter([None if path is None else next(found) for path in paths])
            rows = (list(islice(found, width + len(children))) for _ in items)
            return [(row[:width], [names and sorted(names) for names in row[width:]]) for row in rows]

        return wait

    def trees(self, keys: Iterable[Key]) -> list[dict[str, Znode]]:
        """Return, for each of *keys*, every znode from it down by path, in one batch per level."""
        paths = self.schema.paths(keys)
        found = iter(read_trees(self.store, [path for path in paths if path is not None]))
        return [{} if path is None else next(found) for path in paths]
