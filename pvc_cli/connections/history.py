"""Read the history of what this user changed: a file per command, from which it can be undone."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pvc_cli.connections.cluster_id import ClusterId, unsure
from pvc_cli.connections.entry import Entry, entry_files, history_folder, load_entry
from pvc_cli.connections.entry_file import SUFFIX, Recorded, Wanted
from pvc_cli.connections.missed import Missed, list_missed
from pvc_cli.errors import ConfigError, NotFoundError, PvcError, RefusedError, hint, quoted
from pvc_cli.files import cannot_read
from pvc_cli.zk.undo import Changed


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
    """Return the entry called *name*, in full or by a beginning that no other has, with what it changed.

    The latest is ``last``.

    :param cluster: the only cluster whose latest counts.
    :raises NotFoundError: if there is none.
    :raises ConfigError: if it, or what may be the latest, cannot be read.
    :raises RefusedError: if several begin so, it is damaged, or the latest may be of what this is a copy of.
    """
    history = read_history()
    if name == "last":
        return _last(history, cluster)
    begun = [entry for entry in history.entries if name and entry.id.startswith(name)]
    for entry in (one for one in begun if one.id == name or len(begun) == 1):
        return Found(entry, entry.read())
    if begun:
        raise RefusedError(
            f"{len(begun)} changes begin with {quoted(name)}: give more of the ID, such as {begun[0].id}"
        )
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
