import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from pvc_cli.cluster.difference_model import ItemDifference
from pvc_cli.cluster.documents import changed_document
from pvc_cli.cluster.naming import name_changes
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context, secrets_option
from pvc_cli.commands._common.dry_run import done_lines
from pvc_cli.commands._common.times import time_text
from pvc_cli.connections.cluster_id import identify
from pvc_cli.connections.history import Entry, find_entry
from pvc_cli.errors import PvcError, quoted
from pvc_cli.output.writer import Output
from pvc_cli.zk.secrets import mask
from pvc_cli.zk.undo import Changed

_NOTHING = "-"
_UNFINISHED = "Unfinished: pvc ended before it knew whether it had changed this"
_MOMENT = 2.0
"""How many seconds the cluster may take to tell names."""


@click.command("show")
@click.argument("name", metavar="ID", shell_complete=complete.changes)
@click.option("--paths", is_flag=True, help="Show every znode, before and after.")
@secrets_option
@output_option
@pass_context
def command(context: Context, name: str, paths: bool, secrets: bool) -> None:
    """Show what one command changed.

    ID is one of 'pvc history list', or last. Names are those of today; what another cluster had, or one that does not
    answer, is shown by paths. So is what was unfinished when the command was killed, or lost the cluster.

    \b
    Examples:
      pvc vm tag add web-01 blue && pvc history show last
      pvc vm tag add web-01 red && pvc history show last --paths
    """
    entry, output = find_entry(name), context.output
    changes, unfinished = (
        [change if secrets else _masked(change) for change in sorted(found)]
        for found in (entry.made(), entry.unfinished())
    )
    items = None if paths or secrets or output.style != "table" else _by_name(context, entry, changes)
    output.show(
        lambda: {
            "id": entry.id,
            "time": entry.time,
            "cluster": entry.cluster.hosts,
            "user": entry.user,
            "command": list(entry.command),
            "changes": [changed_document(change) for change in changes],
            "unfinished": [changed_document(change) for change in unfinished],
        },
        names=lambda: [change.path for change in (*changes, *unfinished)],
        table=lambda: "\n\n".join(_blocks(output, entry, changes, items, unfinished)),
    )


def _blocks(
    output: Output,
    entry: Entry,
    changes: Sequence[Changed],
    items: Sequence[ItemDifference] | None,
    unfinished: Sequence[Changed],
) -> Iterator[str]:
    """Yield what is shown, block by block: *items* are the changes by name, if names are known."""
    yield output.fields(
        [
            ("Time", time_text(entry.time)),
            ("Cluster", entry.cluster.hosts),
            ("User", entry.user),
            ("Command", shlex.join(entry.command)),
        ]
    )
    if changes:
        yield _table(output, changes) if items is None else "\n".join(done_lines(output, items))
    if unfinished:
        yield f"{_UNFINISHED}: 'pvc undo {entry.id} --dry-run' tells."
        yield _table(output, unfinished)


def _by_name(context: Context, entry: Entry, changes: Sequence[Changed]) -> Sequence[ItemDifference] | None:
    """Return *changes* by item, if the cluster that had them is the one in use, and answers."""
    try:
        with connect(replace(context, timeout=min(context.timeout, _MOMENT))) as handler:
            return name_changes(handler, changes) if entry.cluster.is_same(identify(handler)) else None
    except PvcError:
        return None


def _table(output: Output, changes: Sequence[Changed]) -> str:
    return output.table(("PATH", "BEFORE", "AFTER"), [[c.path, _text(c.before), _text(c.after)] for c in changes])


def _text(value: bytes | None) -> str:
    return _NOTHING if value is None else quoted(value.decode("utf-8", "replace"))


def _masked(change: Changed) -> Changed:
    before, after = (value and mask(change.path, value) for value in (change.before, change.after))
    return change._replace(before=before, after=after)
