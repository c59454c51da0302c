"""Move VMs: what the three commands share."""

from dataclasses import replace
from typing import NamedTuple

import click

from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.vms.move_rules import Way
from pvc_cli.cluster.vms.moving import Move
from pvc_cli.cluster.vms.query import list_vms
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import (
    Command,
    Context,
    connect,
    dry_run_option,
    options_into,
    output_option,
    yes_option,
)
from pvc_cli.commands._common.outcomes import Patience, wait_options
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands._common.selecting import Selection, named_vms, vms_options
from pvc_cli.commands.vm._control import control_chosen
from pvc_cli.errors import InvalidInputError
from pvc_cli.zk import ZKHandler


class How(NamedTuple):
    """How VMs are moved."""

    live: bool
    force: bool
    target: str | None = None


_TARGET = click.option(
    "-t", "--target", metavar="NODE", shell_complete=complete.nodes,
    help="Node to move to [default: what each VM's node selector prefers].",
)  # fmt: skip
_LIVE = click.option(
    "--force-live", "live", is_flag=True, help="Migrate running VMs live, whatever their migration method is."
)
_FORCE = click.option(
    "--force",
    is_flag=True,
    help="Move VMs that were migrated already, and to a node that is not ready or lacks memory.",
)


def back_options(command: Command) -> Command:
    """Add the options of a command that moves VMs back."""
    for option in (output_option, dry_run_option, yes_option, wait_options):
        command = option(command)
    return vms_options(node=("--from",))(options_into(How, "how", _LIVE, _FORCE)(command))


def move_options(command: Command) -> Command:
    """Add the options of a command that moves VMs to a target."""
    for option in (output_option, dry_run_option, yes_option, wait_options):
        command = option(command)
    return vms_options(node=("--from",))(options_into(How, "how", _TARGET, _LIVE, _FORCE)(command))


def carry_out_move(
    context: Context, selection: Selection, way: Way, how: How, patience: Patience, *, dry_run: bool
) -> int:
    """Move the VMs that the command line means.

    :raises NotFoundError: if there is no such target.
    :raises InvalidInputError: if the target is among the VMs.
    """
    names, move = named_vms(context, selection), Move(way, how.target, live=how.live, force=how.force)
    with connect(context) as handler:
        if move.target is not None:
            require_node(handler, move.target)
        elif names and names[-1] in (handler.children("base.node") or []) and not _is_vm(handler, names[-1]):
            raise InvalidInputError(f"{names[-1]} is a node: -t {names[-1]} moves VMs there")
        return control_chosen(
            context,
            handler,
            names,
            selection,
            move.plan,
            deed=Deed(way, f"to {move.target}" if move.target else ""),
            preview=replace(move).plan,
            goal=move.goal,
            patience=patience,
            dry_run=dry_run,
        )


def _is_vm(handler: ZKHandler, name: str) -> bool:
    return any(vm.name == name for vm in list_vms(handler))
