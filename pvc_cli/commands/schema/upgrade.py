import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.tree_change import Wishes, change_options
from pvc_cli.commands.schema._migrate import go
from pvc_cli.zk.migration.migrate import Migration


@click.command()
@click.option("--to", "number", type=int, metavar="N", help="Target version [default: newest].")
@change_options
@output_option
@pass_context
def command(context: Context, number: int | None, wishes: Wishes) -> None:
    """Upgrade the tree to a newer schema version; all PVC daemons restart.

    New keys are created first, then the version is set, then keys that the version lacks are deleted. To finish an
    interrupted upgrade, run it again.

    \b
    Examples:
      pvc schema upgrade --dry-run
      pvc -c file:backup.json schema upgrade --yes
      pvc schema upgrade --yes
    """
    with connect(context) as handler:
        go(context, Migration.upgrade(handler, number, force=wishes.force or wishes.dry_run), wishes)
