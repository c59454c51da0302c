"""Read a tree by schema keys, many at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import cast

from pvc_cli.zk.names import NOT_PVCS
from pvc_cli.zk.schema import Key, ZKSchema
from pvc_cli.zk.store import Read, Store, Znode
from pvc_cli.zk.tree import read_trees


def _is_root(key: Key) -> bool:
    return key in ("base.root", ("base.root",))


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
        return [
            znode.data.decode("utf-8", "replace") if znode is not None else None for znode in self.look_many(keys)
        ]

    def look_many(self, keys: Iterable[Key]) -> list[Znode | None]:
        """Return the znode of each of *keys* with its version, None where there is none, in one batch."""
        return cast("list[Znode | None]", self._fetch(keys, children=False))

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
        keys = list(keys)
        found = cast("list[list[str] | None]", self._fetch(keys, children=True))
        return [
            None if names is None else sorted(set(names) - NOT_PVCS if _is_root(key) else names)
            for key, names in zip(keys, found, strict=True)
        ]

    def _fetch(self, keys: Iterable[Key], *, children: bool) -> list[Znode | list[str] | None]:
        """Read all *keys* that have a path, and return None for the others."""
        paths = [self.schema.path(key) for key in keys]
        found = iter(self.store.fetch([Read(path, children) for path in paths if path is not None]))
        return [None if path is None else next(found) for path in paths]

    def trees(self, keys: Iterable[Key]) -> list[dict[str, Znode]]:
        """Return, for each of *keys*, every znode from it down by path, in one batch per level."""
        paths = [self.schema.path(key) for key in keys]
        found = iter(read_trees(self.store, [path for path in paths if path is not None]))
        return [{} if path is None else next(found) for path in paths]
