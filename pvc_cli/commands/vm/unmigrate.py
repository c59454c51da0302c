import click

from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands._common.selecting import Selection
from pvc_cli.commands.vm._move import How, back_options, carry_out_move


@click.command("unmigrate")
@back_options
@pass_context
def command(context: Context, selection: Selection, how: How, patience: Patience, dry_run: bool) -> int:
    """Move migrated VMs back to where they were.

    VMs are selected as in 'pvc vm start', but by node with --from. One that was not migrated is left alone.

    \b
    Example:
      pvc vm unmigrate --all --dry-run
    """
    return carry_out_move(context, selection, "unmigrate", how, patience, dry_run=dry_run)
