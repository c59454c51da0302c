"""Change the faults that a command means."""

from collections.abc import Sequence

import click

from pvc_cli.cluster.controls import Plan
from pvc_cli.cluster.faults import find_faults, list_faults
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Command, Context, connect, dry_run_option, output_option, yes_option
from pvc_cli.commands._common.outcomes import carry_out
from pvc_cli.commands._common.progress import Deed, ask_many


def change_options(command: Command) -> Command:
    """Add what names faults, and the options of their change."""
    for decorate in (
        output_option,
        dry_run_option,
        yes_option,
        click.option("--all", "everything", is_flag=True, help="Take all faults."),
        click.argument("names", metavar="ID…", nargs=-1, shell_complete=complete.faults),
    ):
        command = decorate(command)
    return command


def change_faults(
    context: Context,
    names: Sequence[str],
    plan: Plan[str],
    deed: Deed,
    *,
    everything: bool,
    yes: bool,
    dry_run: bool,
) -> int:
    """Carry *plan* out on the faults that have *names*, or on all; exit 1 if one was refused or failed.

    :raises click.UsageError: if none are named, or both some and all.
    """
    if bool(names) == everything:
        raise click.UsageError("expected faults by ID, or --all")
    wanted = context.names(names)
    with connect(context) as handler:
        faults = [fault.id for fault in list_faults(handler)] if everything else find_faults(handler, wanted)
        ask_many(deed, "faults", faults, yes=yes, dry_run=dry_run)
        return carry_out(context.output, handler, faults, plan, dry_run=dry_run)
