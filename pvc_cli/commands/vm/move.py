import click

from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands._common.selecting import Selection
from pvc_cli.commands.vm._move import How, carry_out_move, move_options


@click.command("move")
@move_options
@pass_context
def command(context: Context, selection: Selection, how: How, patience: Patience, dry_run: bool) -> int:
    """Move VMs to another node for good.

    VMs are selected as in 'pvc vm start', but by node with --from. Running ones are migrated; the VFs in their XML
    move along. The target must be in a VM's node limit, be ready, and have the memory. A VM that was migrated to its
    target before stays there for good.

    \b
    Examples:
      pvc vm move lab-01 -t pvchv3 --dry-run
      pvc vm move --from pvchv2 -g lab
    """
    return carry_out_move(context, selection, "move", how, patience, dry_run=dry_run)
