"""Move VMs: what the three commands share."""

from dataclasses import replace
from functools import partial

import click

from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.vms.moving import Move
from pvc_cli.cluster.vms.state_lock import control_vms
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect
from pvc_cli.commands._common.outcomes import Patience, carry_out
from pvc_cli.commands._common.selecting import (
    Selection,
    chosen_vms,
    confirm_many,
    named_vms,
    still_meant,
    vms_options,
)

selection = vms_options(node=("--from",))
target_option = click.option(
    "-t", "--target", metavar="NODE", shell_complete=complete.nodes,
    help="Node to move to [default: what each VM's node selector prefers].",
)  # fmt: skip
live_option = click.option(
    "--force-live", "live", is_flag=True, help="Migrate running VMs live, whatever their migration method is."
)
force_option = click.option(
    "--force", is_flag=True,
    help="Move VMs that are busy, or to a node that is not ready or lacks memory.",
)  # fmt: skip


def carry_out_move(context: Context, selection: Selection, move: Move, patience: Patience, *, dry_run: bool) -> int:
    """Move the VMs that the command line means.

    :raises NotFoundError: if there is no such target.
    """
    names = named_vms(context, selection)
    with connect(context) as handler:
        if move.target is not None:
            require_node(handler, move.target)
        vms = chosen_vms(context.output, handler, names, selection)
        confirm_many(handler, vms, selection, dry_run=dry_run)
        return carry_out(
            context.output,
            handler,
            vms,
            move.plan,
            dry_run=dry_run,
            change=partial(
                control_vms,
                preview=replace(move).plan,
                still_meant=still_meant(selection),
                on_wait=context.output.message,
            ),
            goal=move.goal,
            patience=patience,
        )
