import click

from pvc_cli.cluster.vms.moving import Move
from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.selecting import Selection
from pvc_cli.commands.vm._move import carry_out_move, force_option, live_option, selection


@click.command("unmigrate")
@selection
@live_option
@force_option
@wait_options
@yes_option
@dry_run_option
@output_option
@pass_context
def command(
    context: Context, selection: Selection, live: bool, force: bool, patience: Patience, dry_run: bool
) -> int:
    """Move migrated VMs back to where they were.

    VMs are selected as in 'pvc vm start', but by node with --from. One that was not migrated is left alone.

    \b
    Example:
      pvc vm unmigrate --all --dry-run
    """
    move = Move("unmigrate", None, live=live, force=force)
    return carry_out_move(context, selection, move, patience, dry_run=dry_run)
