import click

from pvc_cli.cluster.faults import DELETE
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands.fault._change import change_faults, change_options


@click.command("delete")
@change_options
@pass_context
def command(context: Context, names: tuple[str, ...], everything: bool, yes: bool, dry_run: bool) -> int:
    """Delete faults.

    PVC reports a fault anew if its reason is still there.

    \b
    Examples:
      pvc fault delete --all
      pvc fault list -o name | pvc fault delete -
    """
    return change_faults(context, names, DELETE, Deed("delete"), everything=everything, yes=yes, dry_run=dry_run)
