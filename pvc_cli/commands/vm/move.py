import click

from pvc_cli.cluster.vms.moving import Move
from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.selecting import Selection
from pvc_cli.commands.vm._move import carry_out_move, force_option, live_option, selection, target_option


@click.command("move")
@selection
@target_option
@live_option
@force_option
@wait_options
@yes_option
@dry_run_option
@output_option
@pass_context
def command(
    context: Context,
    selection: Selection,
    target: str | None,
    live: bool,
    force: bool,
    patience: Patience,
    dry_run: bool,
) -> int:
    """Move VMs to another node for good.

    VMs are selected as in 'pvc vm start', but by node with --from. Running ones are migrated; the VFs in their XML
    move along. The target must be in a VM's node limit, be ready, and have the memory. A VM that was migrated to its
    target before stays there for good.

    \b
    Examples:
      pvc vm move lab-01 -t pvchv3 --dry-run
      pvc vm move --from pvchv2 -g lab
    """
    move = Move("move", target, live=live, force=force)
    return carry_out_move(context, selection, move, patience, dry_run=dry_run)
