import click

from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.output.cells import Cell
from pvc_cli.zk.schema import diff as compare
from pvc_cli.zk.schema import find_schema

_HEADERS = ("CHANGE", "KEY", "PATH", "DEFAULT")
_COLOURS = {"added": "green", "removed": "red", "moved": "yellow"}


@click.command("diff")
@click.argument("old", type=int)
@click.argument("new", type=int)
@list_options(*_HEADERS, things="changes", takes_several=False)
@pass_context
def command(context: Context, old: int, new: int) -> None:
    """Show the differences between two schema versions.

    \b
    Example:
      pvc schema diff 9 10
    """
    changes = compare(find_schema(old, context.schema_dir), find_schema(new, context.schema_dir))
    show_records(
        context.output,
        changes,
        documents=lambda changes: {"from": old, "to": new, "changes": [change._asdict() for change in changes]},
        names=for_each(lambda change: change.key),
        headers=_HEADERS,
        rows=rows_of(
            lambda change: [Cell(change.kind, _COLOURS[change.kind]), change.key, change.path, change.default]
        ),
        nothing=f"Versions {old} and {new} are identical.",
    )
