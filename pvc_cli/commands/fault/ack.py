import click

from pvc_cli.cluster.faults import ACKNOWLEDGE
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands.fault._change import change_faults, change_options


@click.command("ack")
@change_options
@pass_context
def command(context: Context, names: tuple[str, ...], everything: bool, yes: bool, dry_run: bool) -> int:
    """Acknowledge faults.

    They no longer count against the cluster's health, and stay in the list.

    \b
    Examples:
      pvc fault ack --all
      pvc fault list -o name | pvc fault ack -
    """
    return change_faults(
        context, names, ACKNOWLEDGE, Deed("acknowledge"), everything=everything, yes=yes, dry_run=dry_run
    )
