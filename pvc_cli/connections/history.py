"""Read the history of what this user changed: a file per command, from which it can be undone."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvc_cli.connections.cluster_id import ClusterId, unsure
from pvc_cli.errors import NotFoundError, RefusedError, hint, quoted
from pvc_cli.files import state_folder
from pvc_cli.zk.undo import UNKNOWN, Changed
from pvc_cli.zk.written import decode_value

SUFFIX = ".jsonl"
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


def renewed(entry: Entry, changes: Sequence[Changed]) -> list[Changed]:
    """Return *changes* of *entry* as this user's later commands left them.

    What one of them took away and an undo restored is as the first left it, if nobody else changed it in between.
    """
    at = {change.path: change for change in changes}
    restored: dict[str, Changed] = {}
    for other in reversed(list_entries()):
        if other.time <= entry.time or not other.cluster.is_same(entry.cluster):
            continue
        with suppress(RefusedError):
            for step in other.made():
                before = at.get(step.path)
                if before is None:
                    continue
                if not _follows(step, before):
                    del at[step.path]
                    restored.pop(step.path, None)
                    continue
                at[step.path] = step
                restored.pop(step.path, None)
                if other.undoes:
                    restored[step.path] = step
    return [
        change._replace(version=last.version, czxid=last.czxid)
        if (last := restored.get(change.path)) and last.after == change.after
        else change
        for change in changes
    ]


def _follows(step: Changed, before: Changed) -> bool:
    """Tell whether *step* changed the very znode that *before* left, with nothing in between."""
    if before.after is None or step.before is None:
        return before.after is None and step.before is None
    same = step.czxid == before.czxid
    return same and step.version == (before.version if step.after is None else before.version + 1)


def list_entries() -> list[Entry]:
    """Return all entries, the latest first."""
    # By time: files of earlier versions are named in local time, which a journey or the end of summer turns back.
    return sorted(filter(None, map(load_entry, entry_files())), key=lambda entry: entry.time, reverse=True)


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


def history_folder() -> Path:
    """Return the folder of the entries."""
    return state_folder() / "history"


def entry_files() -> list[Path]:
    """Return the files of all entries, and whatever else is called so."""
    folder = history_folder()
    return list(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def load_entry(path: Path) -> Entry | None:
    """Return the entry in a file, or None if it is not one, or only half of one."""
    header = next(_lines(path), {})
    try:
        return Entry(
            path.name.removesuffix(SUFFIX),
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
