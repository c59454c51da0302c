import click

from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands._common.selecting import Selection
from pvc_cli.commands.vm._move import How, carry_out_move, move_options


@click.command("migrate")
@move_options
@pass_context
def command(context: Context, selection: Selection, how: How, patience: Patience, dry_run: bool) -> int:
    """Move VMs to another node for a while.

    Like 'pvc vm move', but each VM remembers where it was: 'pvc vm unmigrate' moves it back. A VM that was migrated
    already is refused; with --force, it keeps its first node.

    \b
    Examples:
      pvc vm migrate lab-01 --dry-run
      pvc vm migrate --from pvchv2 -g ci --dry-run
    """
    return carry_out_move(context, selection, "migrate", how, patience, dry_run=dry_run)
