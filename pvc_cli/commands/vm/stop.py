import click

from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.selecting import Selection, vms_options
from pvc_cli.commands.vm._power import tell


@click.command("stop")
@vms_options()
@click.option("--force", is_flag=True, help="Stop it whatever its state is, even without a daemon.")
@wait_options
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, selection: Selection, force: bool, patience: Patience, dry_run: bool) -> int:
    """Stop VMs at once, like pulling the plug.

    VMs are selected as in 'pvc vm start'. Refused for a mirror, for a VM that is between states, and where
    the node's daemon, which stops it, does not run: --force overrides.

    \b
    Examples:
      pvc vm stop web-01
      pvc vm stop 'lab-*' --dry-run
    """
    return tell(context, selection, "stop", patience, dry_run=dry_run, force=force)
