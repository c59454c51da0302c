"""Compare two trees of any size, and keep on disk what differs, by item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pvc_cli.zk.places import Place, locate
from pvc_cli.zk.schema import ZKSchema
from pvc_cli.zk.secrets import is_masked, mask
from pvc_cli.zk.spool import Spool


class Difference(NamedTuple):
    """A znode that is not the same in both trees; None where a tree lacks it."""

    path: str
    before: bytes | None
    after: bytes | None


def compare(before: Spool, after: Spool) -> Iterator[Difference]:
    """Yield what differs, sorted by path. A secret that one of them masks is not known to differ."""
    end = (None, b"")
    old, new = before.pairs(), after.pairs()
    (old_path, was), (new_path, now) = next(old, end), next(new, end)
    while old_path is not None or new_path is not None:
        if new_path is None or (old_path is not None and old_path < new_path):
            yield Difference(str(old_path), was, None)
            old_path, was = next(old, end)
        elif old_path is None or new_path < old_path:
            yield Difference(new_path, None, now)
            new_path, now = next(new, end)
        else:
            if was != now and not _is_hidden(old_path, was, now):
                yield Difference(old_path, was, now)
            (old_path, was), (new_path, now) = next(old, end), next(new, end)


def _is_hidden(path: str, was: bytes, now: bytes) -> bool:
    return (is_masked(path, was) or is_masked(path, now)) and mask(path, was) == mask(path, now)


class Differences:
    """What differs between two trees, by item; only the items' names are in memory.

    :param schema: tells what is where.
    :param is_wanted: tells whether a difference at a place counts.
    """

    def __init__(
        self, before: Spool, after: Spool, schema: ZKSchema, is_wanted: Callable[[Place], bool] = lambda _: True
    ) -> None:
        # Imported here: most commands compare nothing.
        import sqlite3

        self._schema = schema
        self._trees = (after, before)
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("BEGIN")
        self._database.execute(
            "CREATE TABLE found (top TEXT, path TEXT, was BLOB, now BLOB, PRIMARY KEY (top, path)) WITHOUT ROWID"
        )
        self.items: dict[str, Place] = {}
        """A place in each item that differs, by the item's path."""
        self.left_out = 0
        """How many differences did not count."""
        self._database.executemany("INSERT INTO found VALUES (?, ?, ?, ?)", self._sorted_in(is_wanted))

    def _sorted_in(self, is_wanted: Callable[[Place], bool]) -> Iterator[tuple[str, str, bytes | None, bytes | None]]:
        after, before = self._trees
        for path, was, now in compare(before, after):
            place = locate(self._schema, path)
            if is_wanted(place):
                self.items.setdefault(place.top, place)
                yield place.top, path, was, now
            else:
                self.left_out += 1

    def below(self, top: str) -> Iterator[tuple[Place, Difference]]:
        """Yield what differs in the item at *top*, sorted by path."""
        rows = self._database.execute("SELECT path, was, now FROM found WHERE top = ? ORDER BY path", (top,))
        return ((locate(self._schema, row[0]), Difference(*row)) for row in rows)

    def values(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the values at *paths*, as far as there are any: as they are after, else as they were before."""
        found: dict[str, bytes] = {}
        wanted = list(paths)
        for tree in self._trees:
            found = tree.values_of(path for path in wanted if path not in found) | found
        return {top: value.decode("utf-8", "replace") for top, value in found.items()}
