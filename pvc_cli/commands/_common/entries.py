"""What is told of a change in the history, whatever it changed."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Command
from pvc_cli.connections.entry import Entry
from pvc_cli.connections.history import is_undone, read_history, undoings
from pvc_cli.connections.known import names_of
from pvc_cli.output.writer import Document, Output


def readable_entries(output: Output) -> list[Entry]:
    """Return all entries, the latest first, and warn of the files that cannot be read.

    :raises ConfigError: if the history cannot be read at all.
    """
    entries, unreadable = read_history()
    for path, error in unreadable.items():
        output.warning(f"a change is left out: cannot read {path}: {error.strerror}")
    return entries


class Told(NamedTuple):
    """An entry, and what only others tell of it."""

    entry: Entry
    connection: str | None
    """What its cluster is called, if that is known."""
    undos: Sequence[Entry]
    """The entries that undid it, or a part of it, the latest first."""

    @property
    def undone_by(self) -> str | None:
        """The ID of the latest of them."""
        return self.undos[0].id if self.undos else None

    @property
    def cluster(self) -> str:
        """What people call its cluster."""
        return self.connection or self.entry.cluster.hosts

    @property
    def note(self) -> str:
        """How it ended, whether it is whole, and whether it was undone; empty if there is nothing to tell."""
        entry = self.entry
        if entry.state == "running":
            how = f"running ({entry.process})"
        elif entry.state == "interrupted":
            how = "interrupted"
        else:
            how = "unfinished" if entry.is_unfinished else ""
        return ", ".join(filter(None, [how, entry.wholeness, self.undone]))

    @property
    def undone(self) -> str:
        """Whether it was undone, as a whole or in part; empty if not."""
        if not self.undos:
            return ""
        return "undone" if is_undone(self.entry, self.undos) else "partly undone"


def tell(entries: Sequence[Entry], every: Sequence[Entry]) -> list[Told]:
    """Return *entries* with what only others tell of them.

    :param every: all entries, the latest first.
    """
    undone, names = undoings(every), names_of(entry.cluster.hosts for entry in entries)
    return [Told(entry, names.get(entry.cluster.hosts), undone.get(entry.id, ())) for entry in entries]


def entry_document(told: Told) -> Document:
    """Return the document of an entry, without what it changed."""
    entry = told.entry
    return {
        "id": entry.id,
        "time": entry.time,
        "cluster": entry.cluster.hosts,
        "connection": told.connection,
        "user": entry.user,
        "command": list(entry.command),
        "changed": entry.changed,
        "undoes": entry.undoes or None,
        "undone_by": told.undone_by,
        "state": entry.state or ("unfinished" if entry.is_unfinished else "ended"),
        "incomplete": entry.why_incomplete or None,
    }


def entry_argument(command: Command) -> Command:
    """Add the argument ``ID|last``, an entry's; whoever gives ``--last`` is told that it is a word."""
    return click.argument("name", metavar="ID|last", shell_complete=complete.changes)(
        click.option("--last", is_flag=True, hidden=True, is_eager=True, expose_value=False, callback=_is_a_word)(
            command
        )
    )


def _is_a_word(context: click.Context, _parameter: click.Parameter, given: bool) -> None:
    if given and not context.resilient_parsing:
        raise click.UsageError(f"last is a word, not an option: run '{context.command_path} last'", context)
