"""What is told of a change in the history, whatever it changed."""

import click

from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Command
from pvc_cli.connections.history import Entry, read_history
from pvc_cli.output.writer import Document, Output

_GAPS = {"too large": "incomplete", "unwritable": "incomplete", "damaged": "damaged", "newer": "of a newer pvc"}


def readable_entries(output: Output) -> list[Entry]:
    """Return all entries, the latest first, and warn of the files that cannot be read.

    :raises ConfigError: if the history cannot be read at all.
    """
    entries, unreadable = read_history()
    for path, error in unreadable.items():
        output.warning(f"a change is left out: cannot read {path}: {error.strerror}")
    return entries


def note_of(entry: Entry) -> str:
    """Return what is to be known of an entry, in a word or two: how its command ended, and whether it is whole."""
    if entry.state == "running":
        how = f"running ({entry.process})"
    elif entry.state == "interrupted":
        how = "interrupted"
    else:
        how = "unfinished" if entry.is_unfinished else ""
    return ", ".join(filter(None, [how, _GAPS.get(entry.gap, "")]))


def entry_document(entry: Entry) -> Document:
    """Return the document of an entry, without what it changed."""
    return {
        "id": entry.id,
        "time": entry.time,
        "cluster": entry.cluster.hosts,
        "user": entry.user,
        "command": list(entry.command),
        "state": entry.state or ("unfinished" if entry.is_unfinished else "ended"),
        "incomplete": entry.why_incomplete or None,
    }


def entry_argument(command: Command) -> Command:
    """Add the argument ``ID``, an entry's; whoever gives ``--last`` is told that it is a word."""
    return click.argument("name", metavar="ID", shell_complete=complete.changes)(
        click.option("--last", is_flag=True, hidden=True, is_eager=True, expose_value=False, callback=_is_a_word)(
            command
        )
    )


def _is_a_word(context: click.Context, _parameter: click.Parameter, given: bool) -> None:
    if given and not context.resilient_parsing:
        raise click.UsageError(f"last is a word, not an option: run '{context.command_path} last'", context)
