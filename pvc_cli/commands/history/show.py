import shlex

import click

from pvc_cli.cluster.documents import changed_document
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, output_option, pass_context, secrets_option
from pvc_cli.commands._common.times import time_text
from pvc_cli.connections.history import find_entry
from pvc_cli.errors import quoted
from pvc_cli.output.writer import Output
from pvc_cli.zk.secrets import mask
from pvc_cli.zk.undo import Changed

_NOTHING = "-"


@click.command("show")
@click.argument("name", metavar="ID", shell_complete=complete.changes)
@secrets_option
@output_option
@pass_context
def command(context: Context, name: str, secrets: bool) -> None:
    """Show what one command changed.

    ID is one of 'pvc history list', or last.

    \b
    Example:
      pvc vm tag add web-01 blue && pvc history show last
    """
    entry, output = find_entry(name), context.output
    changes = [change if secrets else _masked(change) for change in sorted(entry.changes())]
    output.show(
        lambda: {
            "id": entry.id,
            "time": entry.time,
            "cluster": entry.cluster.hosts,
            "user": entry.user,
            "command": list(entry.command),
            "changes": [changed_document(change) for change in changes],
        },
        names=lambda: [change.path for change in changes],
        table=lambda: "\n\n".join(
            (
                output.fields(
                    [
                        ("Time", time_text(entry.time)),
                        ("Cluster", entry.cluster.hosts),
                        ("User", entry.user),
                        ("Command", shlex.join(entry.command)),
                    ]
                ),
                _table(output, changes),
            )
        ),
    )


def _table(output: Output, changes: list[Changed]) -> str:
    return output.table(("PATH", "BEFORE", "AFTER"), [[c.path, _text(c.before), _text(c.after)] for c in changes])


def _text(value: bytes | None) -> str:
    return _NOTHING if value is None else quoted(value.decode("utf-8", "replace"))


def _masked(change: Changed) -> Changed:
    before, after = (value and mask(change.path, value) for value in (change.before, change.after))
    return change._replace(before=before, after=after)
