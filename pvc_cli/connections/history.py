"""The history of what this user changed: a file per command, from which it can be undone."""

import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvc_cli import identity
from pvc_cli.connections.cluster_id import ClusterId, unsure
from pvc_cli.errors import NotFoundError, RefusedError, hint, quoted
from pvc_cli.files import state_folder
from pvc_cli.zk.undo import Changed
from pvc_cli.zk.written import decode_value, encode_value

MOST_ENTRIES = 500
MOST_BYTES = 32 << 20
"""How large a command's entry may be; what is larger cannot be undone from it."""
_FEW = 100
"""How many znodes a command changes at most that may take all of it back."""
_SUFFIX = ".jsonl"


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
        """Return what it changed, each znode once.

        :raises RefusedError: if it changed too much for its entry.
        """
        changed: dict[str, Changed] = {}
        for line in _lines(self.path):
            if line.get("truncated"):
                raise RefusedError(
                    f"{self.id} changed more than its entry holds: restore the backup that was made before it, with"
                    " 'pvc cluster restore'"
                )
            for path, before, after, version, czxid in line.get("changes", ()):
                now = Changed(path, decode_value(before), decode_value(after), version, czxid)
                changed[path] = changed[path].then(now) if path in changed else now
        return [change for change in changed.values() if change.before != change.after]


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
        self._failed = False
        self._net: dict[str, Changed] | None = {}
        """What the few znodes that it changed were at first, and are now; None if they are more."""

    def record(self, changes: Sequence[Changed]) -> None:
        """Append what a transaction changed."""
        if self._failed or not changes:
            return
        try:
            if self._path is None:
                self._path = _new_entry({**self._header, **self._facts()})
            if self._path.stat().st_size > MOST_BYTES:
                self._failed = True
                line: dict[str, Any] = {"truncated": True}
            else:
                line = {"changes": [[c.path, encode_value(c.before), encode_value(c.after), *c[3:]] for c in changes]}
            with self._path.open("a", encoding="ascii") as file:
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
            if self._is_taken_back(changes):
                self._path.unlink()
                self._path = None
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
