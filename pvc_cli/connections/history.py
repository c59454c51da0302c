"""The history of what this user changed: a file per command, from which it can be undone."""

import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvc_cli import identity
from pvc_cli.connections.cluster_id import ClusterId, unsure
from pvc_cli.errors import NotFoundError, RefusedError, hint, quoted
from pvc_cli.files import state_folder
from pvc_cli.zk.undo import UNKNOWN, Changed, Settle
from pvc_cli.zk.written import decode_value, encode_value

MOST_ENTRIES = 500
MOST_BYTES = 32 << 20
"""How large a command's entry may be; what is larger cannot be undone from it."""
_FEW = 100
"""How many znodes a command changes at most that may take all of it back."""
_SUFFIX = ".jsonl"
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that changed something."""

    id: str
    time: float
    """In seconds since 1970."""
    cluster: ClusterId
    user: str
    command: tuple[str, ...]
    path: Path
    undoes: str = ""
    """The ID of the entry that it undid, if it was an undo."""

    def changes(self) -> list[Changed]:
        """Return what it changed, each znode once, and what it was about to change when it ended.

        :raises RefusedError: if it changed too much for its entry.
        """
        made = self.made()
        before = {change.path: change.before for change in made}
        # Whether it took something back is for its version to tell.
        perhaps = [c for c in self.unfinished() if c.path not in before or before[c.path] != c.after]
        return _merged([*made, *perhaps])

    def made(self) -> list[Changed]:
        """Return what it is known to have changed, each znode once.

        :raises RefusedError: if it changed too much for its entry.
        """
        return _merged(self._read()[0])

    def unfinished(self) -> list[Changed]:
        """Return what it was about to change when it was killed, or lost the cluster: perhaps it did.

        :raises RefusedError: if it changed too much for its entry.
        """
        return self._read()[1]

    @property
    def is_unfinished(self) -> bool:
        """Whether it may have changed more than it is known to have: its end is not written."""
        line = _last_line(self.path)
        if line.startswith(b'{"open"'):
            return not (line.startswith(b'{"open":0,') and line.endswith(b"\n"))
        return line.startswith(b'{"intended"') and line.endswith(b"\n")

    def _read(self) -> tuple[list[Changed], list[Changed]]:
        """Return what it changed, and what it was about to change when it ended."""
        made: list[Changed] = []
        intended: dict[int, list[Changed]] = {}
        batches = 0
        for line in _lines(self.path):
            if line.get("truncated"):
                raise RefusedError(
                    f"{self.id} changed more than its entry holds: restore the backup that was made before it, with"
                    " 'pvc cluster restore'"
                )
            if "intended" in line:
                intended[batches] = [
                    Changed(path, decode_value(before), decode_value(after), *UNKNOWN)
                    for path, before, after in line["intended"]
                ]
                batches += 1
            if "done" in line:
                changed = zip(intended.pop(line["of"]), line["done"], strict=False)
                made += [change._replace(version=version, czxid=czxid) for change, (version, czxid) in changed]
            # So were entries before they told of intentions.
            for path, before, after, version, czxid in line.get("changes", ()):
                made.append(Changed(path, decode_value(before), decode_value(after), version, czxid))
        return made, [change for changes in intended.values() for change in changes]


def _merged(changes: Sequence[Changed]) -> list[Changed]:
    """Return *changes* with one for each znode, without those that came back to what was there."""
    merged: dict[str, Changed] = {}
    for change in changes:
        merged[change.path] = merged[change.path].then(change) if change.path in merged else change
    return [change for change in merged.values() if change.before != change.after]


class Recorder:
    """Writes the entry of one command, once it changes something.

    A history that cannot be written stops no change: it says so once. What takes back all that it changed, such as a
    claim that a VM got in the way of, has no entry: nothing is left to undo.

    :param facts: returns what is known of the command and its cluster by the time of its first change.
    """

    def __init__(
        self,
        cluster: str,
        command: Sequence[str],
        on_error: Callable[[str], object],
        facts: Callable[[], Mapping[str, str | None]] = dict,
    ) -> None:
        self._header = {"cluster": cluster, "user": identity.user(), "command": list(command)}
        self._facts = facts
        self._on_error = on_error
        self._path: Path | None = None
        self._batches = 0
        self._open: set[int] = set()
        self._failed = False
        self._net: dict[str, Changed] | None = {}
        """What the few znodes that it changed were at first, and are now; None if they are more."""

    def record(self, changes: Sequence[Changed]) -> Settle:
        """Append what is about to be changed: whoever is killed then leaves an entry that says so.

        :returns: what appends what was changed of it.
        """
        if changes and not self._failed:
            with self._warning():
                return self._begin(changes)
        return lambda _: None

    def _begin(self, changes: Sequence[Changed]) -> Settle:
        if self._path is None:
            self._path = _new_entry({**self._header, **self._facts()})
        if self._path.stat().st_size > MOST_BYTES:
            self._failed = True
            _append(self._path, {"truncated": True})
            return lambda _: None
        number = self._batches
        values = [[c.path, encode_value(c.before), encode_value(c.after)] for c in changes]
        _append(self._path, {"intended": values})
        self._batches += 1
        self._open.add(number)
        return lambda changed: self._settle(number, changed)

    def _settle(self, number: int, changed: Sequence[Changed]) -> None:
        if self._path is None:
            return
        self._open.discard(number)
        taken_back = self._is_taken_back(changed)
        with self._warning():
            if taken_back and not self._open:
                self._path.unlink()
                self._path, self._batches = None, 0
            elif not self._failed:
                marks = [[c.version, c.czxid] for c in changed]
                _append(self._path, {"open": len(self._open), "of": number, "done": marks})

    @contextmanager
    def _warning(self) -> Iterator[None]:
        """Say that the history cannot be written, and give it up."""
        try:
            yield
        except OSError as error:
            self._failed = True
            self._on_error(f"the change cannot be undone later, for its history cannot be written: {error.strerror}")

    def _is_taken_back(self, changes: Sequence[Changed]) -> bool:
        """Tell whether all is as it was before the command, now that *changes* were made, too."""
        if self._net is not None:
            self._net |= {c.path: self._net[c.path].then(c) if c.path in self._net else c for c in changes}
            if len(self._net) > _FEW:
                self._net = None
        return self._net is not None and all(change.before == change.after for change in self._net.values())


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="ascii") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def list_entries() -> list[Entry]:
    """Return all entries, the latest first."""
    # By time: files of earlier versions are named in local time, which a journey or the end of summer turns back.
    return sorted(filter(None, map(_load, _files())), key=lambda entry: entry.time, reverse=True)


def find_entry(name: str, cluster: ClusterId | None = None) -> Entry:
    """Return the entry called *name*, or the latest for ``last``.

    :param cluster: the only cluster whose latest counts.
    :raises NotFoundError: if there is none.
    :raises RefusedError: if the latest may be of a cluster of which this is a copy.
    """
    entries = list_entries()
    if name == "last" and cluster:
        return _last_of(cluster, entries)
    if name == "last" and (kept := next(filter(Entry.changes, entries), None)):
        return kept
    for entry in entries:
        if entry.id == name:
            return entry
    advice = hint(name, [entry.id for entry in entries], "see 'pvc history list'")
    raise NotFoundError(f"there is no change {quoted(name)} in the history: {advice}")


def _last_of(cluster: ClusterId, entries: Sequence[Entry]) -> Entry:
    for entry in entries:
        # One of many changes may have taken them all back.
        if entry.cluster.is_same(cluster) and entry.changes():
            return entry
        if entry.cluster.is_copy(cluster):
            why = unsure(entry.cluster, cluster, f"that the last change, {entry.id}, was of")
            raise RefusedError(f"{why}; otherwise choose a change from 'pvc history list --cluster'")
    raise NotFoundError("no change of this cluster is in the history: see 'pvc history list'")


def _folder() -> Path:
    return state_folder() / "history"


def _files() -> list[Path]:
    folder = _folder()
    return list(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []


def _prune() -> None:
    """Make room for one entry more: files that are not entries go first, then the oldest."""
    files = _files()
    if len(files) >= MOST_ENTRIES:
        times = {path: entry.time for path in files if (entry := _load(path))}
        for old in sorted(files, key=lambda path: times.get(path, 0.0))[: len(files) - MOST_ENTRIES + 1]:
            old.unlink(missing_ok=True)


def _new_entry(header: dict[str, Any]) -> Path:
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _prune()
    now = time.time()
    name = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%d-%H%M%S-%fZ")
    path = folder / f"{name}{_SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
        file.write(json.dumps({"id": name, "time": now, **header}) + "\n")
    return path


def _load(path: Path) -> Entry | None:
    """Return the entry in a file, or None if it is not one, or only half of one."""
    header = next(_lines(path), {})
    try:
        return Entry(
            path.name.removesuffix(_SUFFIX),
            float(header["time"]),
            ClusterId(str(header["cluster"]), header.get("cluster_id")),
            str(header["user"]),
            tuple(map(str, header["command"])),
            path,
            str(header.get("undoes") or ""),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _last_line(path: Path) -> bytes:
    """Return the last line of a file, of which nothing else is read; empty if it cannot be."""
    tail = b""
    try:
        with path.open("rb") as file:
            at = file.seek(0, os.SEEK_END)
            while at and b"\n" not in tail[:-1]:
                size = min(at, _BLOCK)
                at -= size
                file.seek(at)
                tail = file.read(size) + tail
    except OSError:
        return b""
    return b"".join(tail.splitlines(keepends=True)[-1:])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of an entry; a last one that was cut off is left out."""
    try:
        with path.open(encoding="ascii") as file:
            for line in file:
                found = json.loads(line)
                if isinstance(found, dict):
                    yield found
    except (OSError, ValueError):
        return
