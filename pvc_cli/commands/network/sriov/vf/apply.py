import click

from pvc_cli.commands._common.command import Context, connect, dry_run_option, pass_context, result_option, yes_option
from pvc_cli.commands._common.desired import Limits, apply_state, read_file, state_option


@click.command("apply")
@state_option
@yes_option
@dry_run_option
@result_option
@pass_context
def command(context: Context, file: str, yes: bool, dry_run: bool) -> int:
    """Apply a file of VF settings.

    STATE is a file as for 'pvc apply'; its VMs are left alone.

    \b
    Example:
      pvc sriov vf export > vfs.yaml && pvc sriov vf apply -f vfs.yaml --dry-run
    """
    state = read_file(context, file)
    if state.vms:
        context.output.message(f"Left alone: the VMs of {state.source}; 'pvc apply' sets them, too.")
    with connect(context) as handler:
        vfs_alone = state._replace(vms=())
        return apply_state(context.output, handler, vfs_alone, Limits(yes=yes), dry_run=dry_run)
