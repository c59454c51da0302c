import click

from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.selecting import Selection, vms_options
from pvc_cli.commands.vm._power import tell


@click.command("shutdown")
@vms_options()
@wait_options
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, selection: Selection, patience: Patience, dry_run: bool) -> int:
    """Shut VMs down: the guest is asked to power off.

    VMs are selected as in 'pvc vm start'. Only a VM in state start can be shut down. PVC stops one that does
    not power off in time, by default after three minutes.

    \b
    Examples:
      pvc vm shutdown web-01
      pvc vm shutdown -t pvchv1 -g ci
    """
    return tell(context, selection, "shutdown", patience, dry_run=dry_run)
