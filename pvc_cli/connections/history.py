"""Read the history of what this user changed: a file per command, from which it can be undone."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pvc_cli import identity
from pvc_cli.connections.cluster_id import ClusterId, unsure
from pvc_cli.connections.entry_file import FORMAT, SUFFIX, Gap, Recorded, Wanted, decode_head, read_changes
from pvc_cli.connections.missed import Missed, list_missed
from pvc_cli.errors import ConfigError, NotFoundError, PvcError, RefusedError, hint, quoted
from pvc_cli.files import cannot_read, state_folder
from pvc_cli.zk.undo import Changed, things_of

State = Literal["", "running", "interrupted", "ended", "unfinished"]
_GAPS: dict[Gap, tuple[str, str]] = {
    "too large": ("incomplete", "changed more than its entry holds"),
    "unwritable": ("incomplete", "changed more than could be written to its entry"),
    "damaged": ("damaged", "changed more than its entry holds, of which a part was cut off"),
    "newer": ("of a newer pvc", "was made by a newer pvc, which this one cannot read"),
}
"""What an entry with a gap is called, and what its command did."""
_NO_GAP = ("", "")


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that changed something, as the head of its file tells."""

    id: str
    time: float
    """In seconds since 1970, by the clock of then."""
    cluster: ClusterId
    user: str
    command: tuple[str, ...]
    path: Path
    undoes: str = ""
    """The ID of the entry that it undid, if it was an undo."""
    order: float = 0.0
    """When it was, in the order of all entries: the time, unless the clock was set back."""
    state: State = ""
    """What became of the command; unfinished if it could not find out what it changed, empty if nothing tells."""
    gap: Gap = ""
    """Why it lacks something of what was changed."""
    size: int | None = None
    """How much of its file counts, if not all."""
    process: str = ""
    """The process that runs the command, or ran it."""
    things: int | None = None
    """How many things it changed, if its head tells."""

    def read(self, wanted: Wanted | None = None) -> Recorded:
        """Return what it changed.

        :param wanted: the znodes that are asked for; all by default.
        :raises NotFoundError: if it is gone.
        :raises ConfigError: if it cannot be read.
        :raises RefusedError: if it is damaged, or of a newer pvc.
        """
        if self.gap == "newer":
            raise RefusedError(f"{self.id} was written by a newer pvc: use that one, or update this one")
        return read_changes(self.path, self.size, wanted)

    @property
    def place(self) -> tuple[float, str]:
        """What entries are sorted by: those of the same moment by their IDs."""
        return self.order, self.id

    @property
    def changed(self) -> int | None:
        """How many things it is known to have changed: VMs, nodes, VFs and others; None if nothing tells."""
        if self.things is None:
            with suppress(PvcError):
                return len(things_of(self.read().made))
        return self.things

    @property
    def is_unfinished(self) -> bool:
        """Whether it may have changed more than it is known to have."""
        if self.state == "ended" or self.gap == "newer":
            return False
        with suppress(PvcError):
            return bool(self.read().unfinished)
        return True

    @property
    def why_incomplete(self) -> str:
        """Why its file lacks something of what was changed, as in "it changed more …"; empty if it lacks nothing."""
        return _GAPS.get(self.gap, _NO_GAP)[1]

    @property
    def wholeness(self) -> str:
        """What its file is called if it lacks something, as in ``incomplete``; empty if it lacks nothing."""
        return _GAPS.get(self.gap, _NO_GAP)[0]

    @property
    def how_it_ended(self) -> str:
        """How the command ended, if not as it should, or that it still runs; else empty."""
        if self.state == "running":
            return f"is still running ({self.process})"
        if self.state == "unfinished":
            return "lost the cluster or was stopped"
        return "was interrupted" if self.state == "interrupted" or self.is_unfinished else ""


class Found(NamedTuple):
    """An entry, and what it changed."""

    entry: Entry
    recorded: Recorded


def renewed(entry: Entry, changes: Sequence[Changed]) -> list[Changed]:
    """Return *changes* of *entry* as this user's later commands left them.

    What one of them took away and an undo restored is as the first left it, if nobody else changed it in between.
    """
    later = [
        other
        for other in reversed(list_entries())
        if other.place > entry.place and other.cluster.is_same(entry.cluster)
    ]
    # What comes after the last undo restores nothing.
    while later and not later[-1].undoes:
        later.pop()
    at = {change.path: change for change in changes}
    restored: dict[str, Changed] = {}
    things = {change.thing.path: change.thing for change in changes if change.thing}
    deleted: dict[str, int] = {}
    paths = at.keys() | things.keys()
    wanted = Wanted(os.path.commonprefix(list(paths)), paths)  # noqa: RUF071 - of texts
    for other in later:
        with suppress(PvcError):
            for step in other.read(wanted).made:
                if (thing := things.get(step.path)) and step.after is None:
                    deleted[step.path] = step.czxid
                elif thing and step.before is None and other.undoes and deleted.get(step.path) == thing.czxid:
                    things[step.path] = thing._replace(czxid=step.czxid)
                if (before := at.get(step.path)) is None:
                    continue
                if not _follows(step, before):
                    del at[step.path]
                    restored.pop(step.path, None)
                    continue
                at[step.path] = step
                restored.pop(step.path, None)
                if other.undoes:
                    restored[step.path] = step
    kept = [change._replace(thing=change.thing and things[change.thing.path]) for change in changes]
    return [
        change._replace(version=last.version, czxid=last.czxid)
        if (last := restored.get(change.path)) and last.after == change.after
        else change
        for change in kept
    ]


def _follows(step: Changed, before: Changed) -> bool:
    """Tell whether *step* changed the very znode that *before* left, with nothing in between."""
    if before.after is None or step.before is None:
        return before.after is None and step.before is None
    same = step.czxid == before.czxid
    return same and step.version == (before.version if step.after is None else before.version + 1)


class History(NamedTuple):
    """All entries, the latest first, and the files that cannot be read, with the reasons."""

    entries: list[Entry]
    unreadable: dict[Path, OSError]


def read_history() -> History:
    """Return all entries.

    :raises ConfigError: if their folder cannot be read.
    """
    found: list[Entry] = []
    unreadable: dict[Path, OSError] = {}
    for path in entry_files():
        try:
            entry = load_entry(path)
        except FileNotFoundError:  # it made room for another meanwhile
            continue
        except OSError as error:
            unreadable[path] = error
            continue
        if entry:
            found.append(entry)
    return History(sorted(found, key=lambda entry: entry.place, reverse=True), unreadable)


def list_entries() -> list[Entry]:
    """Return all entries that can be read, the latest first.

    :raises ConfigError: if their folder cannot be read.
    """
    return read_history().entries


def undoings(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Return the undos that hold of each entry that was undone, by its ID, the latest first.

    One that was itself undone holds no longer: what it undid was redone.

    :param entries: all entries, the latest first.
    """
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.undoes and entry.id not in found:
            found.setdefault(entry.undoes, []).append(entry)
    return found


def is_undone(entry: Entry, undos: Iterable[Entry]) -> bool:
    """Tell whether *undos*, all those of *entry* that hold, undid all that it changed."""
    return sum(undo.changed or 0 for undo in undos) >= (entry.changed or 0)


class Standing(NamedTuple):
    """A change that stands, or a part of which does."""

    entry: Entry
    in_part: bool


def newest_standing(cluster: ClusterId, undone_last: str) -> Standing | None:
    """Return the change that an undo is for next: the rest of that called *undone_last*, or the newest that stands.

    One that stands has ended, is not an undo, and was not undone as a whole. None if nothing stands.
    """
    entries = list_entries()
    undone = undoings(entries)
    latest = sorted(entries, key=lambda entry: entry.id != undone_last)
    return next(
        (
            Standing(entry, entry.id in undone)
            for entry in latest
            if not entry.undoes
            and not (entry.id in undone and is_undone(entry, undone[entry.id]))
            and entry.state != "running"
            and entry.cluster.is_same(cluster)
            and entry.changed != 0
        ),
        None,
    )


def find_entry(name: str, cluster: ClusterId | None = None) -> Found:
    """Return the entry called *name*, or the latest for ``last``, with what it changed.

    :param cluster: the only cluster whose latest counts.
    :raises NotFoundError: if there is none.
    :raises ConfigError: if it, or what may be the latest, cannot be read.
    :raises RefusedError: if it is damaged, or the latest may be of a cluster of which this is a copy.
    """
    history = read_history()
    if name == "last":
        return _last(history, cluster)
    for entry in history.entries:
        if entry.id == name:
            return Found(entry, entry.read())
    for path, error in history.unreadable.items():
        if path.name == f"{name}{SUFFIX}":
            raise cannot_read(path, error)
    advice = hint(name, [entry.id for entry in history.entries], "see 'pvc history list'")
    raise NotFoundError(f"there is no change {quoted(name)} in the history: {advice}")


def _last(history: History, cluster: ClusterId | None) -> Found:
    for entry in history.entries:
        if cluster is None or entry.cluster.is_same(cluster):
            recorded = entry.read()
            # One of many changes may have taken them all back.
            if recorded.changes or entry.gap:
                _require_readable(history, after=entry.id)
                _require_none_missed(entry, cluster)
                return Found(entry, recorded)
        elif entry.cluster.is_copy(cluster):
            why = unsure(entry.cluster, cluster, f"that the last change, {entry.id}, was of")
            raise RefusedError(f"{why}; otherwise choose a change from 'pvc history list --cluster'")
    _require_readable(history)
    which = "of this cluster " if cluster else ""
    raise NotFoundError(f"no change {which}is in the history: see 'pvc history list'")


def _require_readable(history: History, after: str = "") -> None:
    """Check that no file that cannot be read may be later than the entry called *after*.

    :raises ConfigError: if one may be.
    """
    for path, error in history.unreadable.items():
        if path.stem > after:
            raise ConfigError(
                f"cannot tell which change was the last: cannot read {path}: {error.strerror}; choose one from 'pvc"
                " history list'"
            )


def missed_changes(cluster: ClusterId | None = None) -> list[Missed]:
    """Return the last change of each cluster that is not in the history, the latest first.

    :param cluster: the only cluster whose changes count.
    :raises ConfigError: if that cannot be told.
    """
    folder = history_folder()
    try:
        return [missed for missed in list_missed(folder) if cluster is None or missed.may_be_of(cluster)]
    except OSError as error:
        raise cannot_read(folder.parent, error) from None


def _require_none_missed(entry: Entry, cluster: ClusterId | None) -> None:
    """Check that no change after *entry*, of any cluster or of one, is missing from the history.

    :raises ConfigError: if that cannot be told.
    :raises RefusedError: if one is.
    """
    if any(missed.id > entry.id for missed in missed_changes(cluster)):
        raise RefusedError(
            "the last change is not in the history, which could not be written then; the latest that is there is"
            f" {entry.id}: see 'pvc history show {entry.id}', and undo it with 'pvc undo {entry.id}'"
        )


def history_folder() -> Path:
    """Return the folder of the entries."""
    return state_folder() / "history"


def entry_files() -> list[Path]:
    """Return the files of all entries, and whatever else is called so.

    :raises ConfigError: if their folder cannot be read.
    """
    folder = history_folder()
    try:
        return [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cannot_read(folder, error) from None


def load_entry(path: Path) -> Entry | None:
    """Return the entry in a file, or None if it is not one, or only half of one.

    :raises OSError: if it cannot be read.
    """
    head, size, running = decode_head(path)
    try:
        time = float(head["time"])
        written = int(head.get("size", 0)) or size
        return Entry(
            path.name.removesuffix(SUFFIX),
            time,
            ClusterId(str(head["cluster"]), head.get("cluster_id")),
            str(head["user"]),
            tuple(map(str, head["command"])),
            path,
            str(head.get("undoes") or ""),
            float(head.get("order", time)),
            _state_of(head, running=running),
            _gap_of(head, size, written),
            written,
            _process(head),
            None if (things := head.get("things")) is None else int(things),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _state_of(head: Mapping[str, Any], *, running: bool) -> State:
    # One that was killed says that it runs.
    if head.get("ended") == "running":
        return "running" if running else "interrupted"
    state: State = head.get("ended", "")
    return state


def _gap_of(head: Mapping[str, Any], size: int, written: int) -> Gap:
    if int(head.get("format", 1)) > FORMAT:
        return "newer"
    if size < written:
        return "damaged"
    gap: Gap = head.get("gap", "")
    return gap


def _process(head: Mapping[str, Any]) -> str:
    """Return which process runs, or ran, the command; one on another machine shares the home."""
    pid, host = head.get("pid"), head.get("host")
    return f"pid {pid}" if host == identity.host() else f"pid {pid} on {host}"
