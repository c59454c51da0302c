import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.commands._common.entries import Told, entry_document, readable_entries, tell
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import short_time_text
from pvc_cli.connections.cluster_id import identify
from pvc_cli.connections.entry import Entry
from pvc_cli.connections.history import missed_changes
from pvc_cli.connections.missed import Missed
from pvc_cli.connections.resolve import FILE
from pvc_cli.output.cells import Cell, Row, as_cell
from pvc_cli.output.writer import Document

_HEADERS = ("ID", "TIME", "CLUSTER", "CHANGED", "NOTE", "COMMAND")
_WIDE = ("UNDOES", "UNDONE BY", "SERVERS", "USER")


@click.command("list")
@click.option("--cluster", "this", is_flag=True, help="Only changes of the cluster in use.")
@list_options(*_HEADERS, *_WIDE, takes_several=False, things="changes", least=("TIME", "CHANGED"), roomy="COMMAND")
@pass_context
def command(context: Context, this: bool) -> None:
    """List what was changed, the latest first.

    An ID is the time of the change in UTC, TIME that of this machine. CLUSTER is its saved connection, or else its
    servers; CHANGED counts VMs, nodes and other things, with a + where it may be more. All servers and whole commands
    are in -o wide, and which undo undid which change.

    Running is what has not ended; interrupted, what was killed; unfinished, what lost the cluster or was stopped
    before it knew whether its last change was made; incomplete, what changed more than its entry has. A line below
    the list tells of a change that has no entry, for the history could not be written.

    \b
    Examples:
      pvc history list
      pvc history list --cluster -o name
    """
    entries = every = readable_entries(context.output)
    here = None
    if this:
        with connect(context) as handler:
            here = identify(handler)
        entries = [entry for entry in entries if entry.cluster.is_same(here)]
    show_records(
        context.output,
        tell(entries, every),
        documents=for_each(_document),
        names=for_each(lambda told: told.entry.id),
        headers=_HEADERS,
        wide=_WIDE,
        rows=rows_of(_row),
        nothing="Nothing was changed.",
    )
    for missed in missed_changes(here):
        # What is older than all that is there, is forgotten as they are.
        if not entries or missed.id > entries[-1].id:
            context.output.message(_told_of(missed, tell(every, every)))


def _told_of(missed: Missed, every: Sequence[Told]) -> str:
    """Return what is said of a change that is not in the history, whose cluster is known only from other changes."""
    cluster = next((told.cluster for told in every if missed.is_of(told.entry.cluster)), "")
    of = f" of {_short(cluster)}" if cluster else ""
    when = short_time_text(missed.time)
    return f"A change{of} is not in the history, which could not be written at {when}."


def _row(told: Told) -> Row:
    entry = told.entry
    return [
        entry.id,
        Cell(short_time_text(entry.time), value=entry.time),
        Cell(_short(told.cluster), value=told.cluster),
        _changed(entry),
        told.note,
        shlex.join(entry.command),
        entry.undoes,
        told.undone_by or "",
        entry.cluster.hosts,
        entry.user,
    ]


def _changed(entry: Entry) -> Cell:
    """Return how many things an entry is known to have changed, with a mark if it may have been more."""
    changed = entry.changed
    more = changed is not None and entry.state in ("interrupted", "unfinished") and entry.is_unfinished
    return Cell(f"{changed}+", value=changed) if more else as_cell(changed)


def _short(cluster: str) -> str:
    """Return a cluster's name, its first server, or its file without the folder."""
    if cluster.startswith(FILE):
        return FILE + Path(cluster).name
    first, comma, _ = cluster.partition(",")
    return f"{first},…" if comma else first


def _document(told: Told) -> Document:
    return {**entry_document(told), "unfinished": told.entry.is_unfinished}
