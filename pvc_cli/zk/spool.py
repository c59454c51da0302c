"""A backup on disk while it is restored, however large it is, and which of it a tree already has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice

from pvc_cli.zk.names import is_contender

_ROWS = 500
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
        self._run("CREATE TABLE backup (path BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        self._run("INSERT INTO backup VALUES (?, ?)", (b"/", b""))
        self._numbers = count()
        self._fill(pairs)

    def _fill(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        put = "INSERT OR REPLACE INTO backup VALUES (?, ?)"
        last_parent = ""
        rest = iter(pairs)
        self._run("BEGIN")
        while batch := list(islice(rest, _ROWS)):
            rows = []
            for path, value in batch:
                names = path.split("/")
                if any(map(is_contender, names)):
                    continue
                rows.append((_key(path), value))
                parent = path.rpartition("/")[0]
                if parent != last_parent:
                    parents = ("/".join(names[: depth + 1]) for depth in range(1, len(names) - 1))
                    self._database.executemany(
                        "INSERT OR IGNORE INTO backup VALUES (?, X'')", [(_key(at),) for at in parents]
                    )
                    last_parent = parent
            self._database.executemany(put, rows)
        self._run("COMMIT")

    def __getitem__(self, path: str) -> bytes:
        row = self._run("SELECT value FROM backup WHERE path = ?", (_key(path),)).fetchone()
        if row is None:
            raise KeyError(path)
        return bytes(row[0])

    def __iter__(self) -> Iterator[str]:
        return (_path(row[0]) for row in self._run("SELECT path FROM backup ORDER BY path"))

    def __len__(self) -> int:
        return int(self._run("SELECT count(*) FROM backup").fetchone()[0])

    def below(self, path: str) -> list[str]:
        """Return the names of the children of *path*."""
        start = _key(f"{path.rstrip('/')}/")
        found = self._run("SELECT path FROM backup WHERE path > ? AND path < ?", (start, start[:-1] + b"0"))
        return [name for (row,) in found if "/" not in (name := _path(row[len(start) :]))]

    def values_of(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the values at *paths*, as far as there are any."""
        found: dict[str, bytes] = {}
        rest = iter(paths)
        while some := list(islice(rest, _ROWS)):
            marks = ",".join("?" * len(some))
            rows = self._run(f"SELECT path, value FROM backup WHERE path IN ({marks})", [_key(path) for path in some])  # noqa: S608 - only question marks
            found.update((_path(path), bytes(value)) for path, value in rows)
        return found

    def rest(self) -> Rest:
        """Return all that it holds, to take away from it what a tree has."""
        return Rest(self, next(self._numbers))


class Rest:
    """What of a :class:`Spool` a tree lacks."""

    def __init__(self, spool: Spool, number: int) -> None:
        self._database = spool._database
        self._table = f"there{number}"
        self._database.execute(f"CREATE TABLE {self._table} (path BLOB PRIMARY KEY) WITHOUT ROWID")

    def take(self, paths: Iterable[str]) -> None:
        """Take away *paths*."""
        self._database.executemany(
            f"INSERT OR IGNORE INTO {self._table} VALUES (?)",  # noqa: S608 - our own name
            [(_key(path),) for path in paths],
        )

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        rows = self._database.execute(
            f"SELECT path, value FROM backup WHERE path NOT IN (SELECT path FROM {self._table}) ORDER BY path"  # noqa: S608
        )
        return ((_path(path), bytes(value)) for path, value in rows)


def _key(path: str) -> bytes:
    """Return *path* as SQLite keeps it: in the order of its bytes, parents come first."""
    return path.encode("utf-8", "surrogatepass")


def _path(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
