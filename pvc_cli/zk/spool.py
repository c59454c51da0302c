"""A backup on disk while it is restored, however large it is, and which of it a tree already has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice

from pvc_cli.zk.names import is_contender

_ROWS = 5_000
_CACHE = "PRAGMA cache_size=-16000"  # in KiB


class Spool(Mapping[str, bytes]):
    """Paths and values, parents before their children, in a temporary file; missing parents have empty values.

    :param pairs: what a backup holds. Lock contenders are left out: restored, they would keep the lock for ever.
    """

    def __init__(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        # Imported here: most commands restore nothing.
        import sqlite3

        # Without a name: SQLite deletes the file with the connection.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._run = self._database.execute
        for pragma in ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", _CACHE):
            self._run(pragma)
        # One transaction for all: nobody else reads it, and nothing of it is to be kept.
        self._run("BEGIN")
        self._run("CREATE TABLE backup (path TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
        self._run("INSERT INTO backup VALUES (?, ?)", ("/", b""))
        self._numbers = count()
        self._fill(pairs)

    def _fill(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        rest = iter(pairs)
        while batch := list(islice(rest, _ROWS)):
            parents: set[tuple[str]] = set()
            rows = []
            for path, value in batch:
                # Hardly any path has this.
                if "lock__" in path and any(map(is_contender, path.split("/"))):
                    continue
                rows.append((path, value))
                parent = path.rpartition("/")[0]
                if (parent,) not in parents:
                    names = path.split("/")
                    parents.update(("/".join(names[: depth + 1]),) for depth in range(1, len(names) - 1))
            # Whichever comes first: what is there has its value, a parent that is not has none.
            self._database.executemany("INSERT OR IGNORE INTO backup VALUES (?, X'')", parents)
            self._database.executemany("INSERT OR REPLACE INTO backup VALUES (?, ?)", rows)

    def __getitem__(self, path: str) -> bytes:
        row = self._run("SELECT value FROM backup WHERE path = ?", (path,)).fetchone()
        if row is None:
            raise KeyError(path)
        return bytes(row[0])

    def __iter__(self) -> Iterator[str]:
        return (str(row[0]) for row in self._run("SELECT path FROM backup ORDER BY path"))

    def pairs(self) -> Iterator[tuple[str, bytes]]:
        """Return every path with its value, sorted by path."""
        return ((path, value) for path, value in self._run("SELECT path, value FROM backup ORDER BY path"))

    def __len__(self) -> int:
        return int(self._run("SELECT count(*) FROM backup").fetchone()[0])

    def below(self, path: str) -> list[str]:
        """Return the names of the children of *path*."""
        start = f"{path.rstrip('/')}/"
        found = self._run("SELECT path FROM backup WHERE path > ? AND path < ?", (start, f"{start[:-1]}0"))
        return [name for (row,) in found if "/" not in (name := row[len(start) :])]

    def has_below(self, path: str) -> bool:
        """Tell whether *path* has children."""
        start = f"{path.rstrip('/')}/"
        found = self._run("SELECT 1 FROM backup WHERE path > ? AND path < ? LIMIT 1", (start, f"{start[:-1]}0"))
        return found.fetchone() is not None

    def values_of(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the values at *paths*, as far as there are any."""
        found: dict[str, bytes] = {}
        rest = iter(paths)
        while some := list(islice(rest, _ROWS)):
            marks = ",".join("?" * len(some))
            rows = self._run(f"SELECT path, value FROM backup WHERE path IN ({marks})", some)  # noqa: S608 - only question marks
            found.update(rows)
        return found

    def rest(self) -> Rest:
        """Return all that it holds, to take away from it what a tree has."""
        return Rest(self, next(self._numbers))


class Rest:
    """What of a :class:`Spool` a tree lacks."""

    def __init__(self, spool: Spool, number: int) -> None:
        self._database = spool._database
        self._table = f"there{number}"
        self._database.execute(f"CREATE TABLE {self._table} (path TEXT PRIMARY KEY) WITHOUT ROWID")

    def take(self, paths: Iterable[str]) -> None:
        """Take away *paths*."""
        self._database.executemany(
            f"INSERT OR IGNORE INTO {self._table} VALUES (?)",  # noqa: S608 - our own name
            [(path,) for path in paths],
        )

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        rows = self._database.execute(
            f"SELECT path, value FROM backup WHERE path NOT IN (SELECT path FROM {self._table}) ORDER BY path"  # noqa: S608
        )
        return ((path, value) for path, value in rows)
