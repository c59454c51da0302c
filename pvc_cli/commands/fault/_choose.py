"""Which faults a command means."""

from collections.abc import Callable, Sequence

import click

from pvc_cli.cluster.faults import find_faults, list_faults
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Command, Context
from pvc_cli.zk import ZKHandler


def choosing(command: Command) -> Command:
    """Add the arguments that name faults."""
    for decorate in (
        click.option("--all", "everything", is_flag=True, help="Take all faults."),
        click.argument("names", metavar="ID…", nargs=-1, shell_complete=complete.faults),
    ):
        command = decorate(command)
    return command


def chosen(context: Context, names: Sequence[str], *, everything: bool) -> Callable[[ZKHandler], list[str]]:
    """Return what finds the faults that the command line means.

    :raises click.UsageError: if it names none, or both some and all.
    """
    if bool(names) == everything:
        raise click.UsageError("expected faults by ID, or --all")
    wanted = context.names(names)
    return lambda handler: (
        [fault.id for fault in list_faults(handler)] if everything else find_faults(handler, wanted)
    )
