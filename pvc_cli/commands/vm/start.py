import click

from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.selecting import Selection, vms_options
from pvc_cli.commands.vm._power import tell


@click.command("start")
@vms_options()
@click.option("--force", is_flag=True, help="Start it even if it is a mirror, shuts down, or lacks memory.")
@wait_options
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, selection: Selection, force: bool, patience: Patience, dry_run: bool) -> int:
    """Start VMs.

    VM is a name, a UUID, a list with commas, a pattern in quotes, or - for names from standard input; or use --all
    or filters instead. Refused for a mirror, for a VM that shuts down or restarts, where the node's daemon,
    which starts it, does not run, and where the node lacks the memory: --force overrides. A VM that PVC migrates,
    provisions, imports or restores is not started at all: wait until that is done.

    \b
    Examples:
      pvc vm start lab-02 --dry-run
      pvc vm start -s stop --without-tag lab
    """
    return tell(context, selection, "start", patience, dry_run=dry_run, force=force)
