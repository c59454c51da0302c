import click

from pvc_cli.commands._common.command import Context, connect, dry_run_option, pass_context, result_option
from pvc_cli.commands._common.desired import Limits, apply_state, limit_options, read_file, state_option


@click.command("apply")
@state_option
@limit_options
@dry_run_option
@result_option
@pass_context
def command(context: Context, file: str, limits: Limits, dry_run: bool) -> int:
    """Make VMs and VFs be as a file says.

    STATE names VMs with their tags and metadata, and VFs with their settings; 'pvc export' writes such a file.
    What it does not name stays as it is. Each VM and VF is changed whole or not at all.

    \b
    Examples:
      pvc export > state.yaml && pvc apply -f state.yaml --dry-run
      pvc apply -f state.yaml --prune
    """
    state = read_file(file)
    with connect(context) as handler:
        return apply_state(context.output, handler, state, limits, dry_run=dry_run)
