import click

from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.output.writer import Cell
from pvc_cli.zk.schema import diff as compare
from pvc_cli.zk.schema import find_schema


@click.command("diff")
@click.argument("old", type=int)
@click.argument("new", type=int)
@output_option
@pass_context
def command(context: Context, old: int, new: int) -> None:
    """Show the differences between two schema versions.

    \b
    Example:
      pvc schema diff 9 10
    """
    changes = compare(find_schema(old, context.schema_dir), find_schema(new, context.schema_dir))
    output = context.output
    colours = {"added": "green", "removed": "red", "moved": "yellow"}
    output.show(
        lambda: {"from": old, "to": new, "changes": [change._asdict() for change in changes]},
        names=lambda: [change.key for change in changes],
        table=lambda: output.table(
            ("", "KEY", "PATH", "DEFAULT"),
            [[Cell(c.kind, colours[c.kind]), c.key, c.path, c.default] for c in changes],
        ),
    )
    if not changes:
        output.message(f"Versions {old} and {new} are identical.")
