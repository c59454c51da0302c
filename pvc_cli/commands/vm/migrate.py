import click

from pvc_cli.cluster.vms.moving import Move
from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.selecting import Selection
from pvc_cli.commands.vm._move import carry_out_move, force_option, live_option, selection, target_option


@click.command("migrate")
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
    """Move VMs to another node for a while.

    Like 'pvc vm move', but each VM remembers where it was: 'pvc vm unmigrate' moves it back. A VM that was migrated
    already is refused; with --force, it keeps its first node.

    \b
    Examples:
      pvc vm migrate lab-01 --dry-run
      pvc vm migrate --from pvchv2 -g ci --dry-run
    """
    move = Move("migrate", target, live=live, force=force)
    return carry_out_move(context, selection, move, patience, dry_run=dry_run)
