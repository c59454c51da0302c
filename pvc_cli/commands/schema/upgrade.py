import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.tree_change import Wishes, change_options
from pvc_cli.commands._common.values import Seconds
from pvc_cli.commands.schema._migrate import go
from pvc_cli.zk.migration.follow import follow
from pvc_cli.zk.migration.migrate import Migration


@click.command()
@click.option("--to", "number", type=int, metavar="N", help="Target version [default: newest].")
@change_options
@click.option(
    "--wait",
    type=Seconds(0, 86400, min_open=True),
    is_flag=False,
    flag_value=300,
    metavar="[SECONDS]",
    help="Wait until all running daemons follow, SECONDS at most [300 without a number], then remove what PVC's own"
    " migration leaves.",
)
@output_option
@pass_context
def command(context: Context, number: int | None, wishes: Wishes, wait: float | None) -> None:
    """Upgrade the tree to a newer schema version; all PVC daemons restart.

    New keys are created first, then the version is set, then keys that the version lacks are deleted. To finish an
    interrupted upgrade, run it again. Running daemons upgrade a cluster themselves, once all nodes know the version.

    \b
    Examples:
      pvc schema upgrade --dry-run
      pvc --write -c file:trial.json schema upgrade --yes
      pvc schema upgrade --yes
    """
    with connect(context) as handler:
        go(context, Migration.upgrade(handler, number, force=wishes.force), wishes)
        if wait and not wishes.dry_run:
            try:
                done = follow(handler, timeout=wait, on_wait=context.output.waiting)
            finally:
                context.output.end_wait()
            context.output.message(f"All running daemons follow; {len(done.changes())} leftovers removed.")
