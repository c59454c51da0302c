import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.tree_change import Wishes, change_options
from pvc_cli.commands.schema._migrate import go
from pvc_cli.zk.migration.migrate import Migration


@click.command()
@click.option("--to", "number", type=int, metavar="N", required=True, help="Target version.")
@change_options
@output_option
@pass_context
def command(context: Context, number: int, wishes: Wishes) -> None:
    """Go back to an older schema version; keys it lacks are deleted.

    While PVC's daemons run, it is refused: they would set the newer version again. Its dry run then shows what would
    be deleted, and the refusal below. A backup has no daemons.

    \b
    Example:
      pvc -c file:trial.json schema rollback --to 13 --dry-run
    """
    with connect(context) as handler:
        go(context, Migration.rollback(handler, number, force=wishes.force), wishes)
