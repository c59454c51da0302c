import shlex

import click

from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.commands._common.entries import entry_document, note_of, readable_entries
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import time_text
from pvc_cli.connections.cluster_id import identify
from pvc_cli.connections.history import Entry
from pvc_cli.output.writer import Document

_HEADERS = ("ID", "CLUSTER", "NOTE", "COMMAND")
_WIDE = ("TIME", "USER")
_COMMAND = _HEADERS.index("COMMAND")


@click.command("list")
@click.option("--cluster", "this", is_flag=True, help="Only changes of the cluster in use.")
@list_options(*_HEADERS, *_WIDE, takes_several=False, things="changes")
@pass_context
def command(context: Context, this: bool) -> None:
    """List what was changed, the latest first.

    An ID is the time of the change, in UTC.

    Running is what has not ended; interrupted, what was killed; unfinished, what lost the cluster or was stopped
    before it knew whether its last change was made; incomplete, what changed more than its entry has.

    \b
    Examples:
      pvc history list
      pvc history list --cluster -o name
    """
    entries = readable_entries(context.output)
    if this:
        with connect(context) as handler:
            here = identify(handler)
        entries = [entry for entry in entries if entry.cluster.is_same(here)]
    show_records(
        context.output,
        entries,
        documents=for_each(_document),
        names=for_each(lambda entry: entry.id),
        headers=_HEADERS,
        wide=_WIDE,
        wrap=_COMMAND,
        rows=rows_of(
            lambda entry: [
                entry.id,
                entry.cluster.hosts,
                note_of(entry),
                shlex.join(entry.command),
                time_text(entry.time),
                entry.user,
            ]
        ),
        nothing="Nothing was changed.",
    )


def _document(entry: Entry) -> Document:
    return {**entry_document(entry), "unfinished": entry.is_unfinished}
