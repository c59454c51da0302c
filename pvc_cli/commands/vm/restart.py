import click

from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.selecting import Selection, vms_options
from pvc_cli.commands.vm._power import tell


@click.command("restart")
@vms_options()
@wait_options
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, selection: Selection, patience: Patience, dry_run: bool) -> int:
    """Restart VMs: shut down, then start again.

    VMs are selected as in 'pvc vm start'. Only a VM in state start can be restarted.

    \b
    Example:
      pvc vm restart web-01
    """
    return tell(context, selection, "restart", patience, dry_run=dry_run)
