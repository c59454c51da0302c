"""Control the VMs that a command line means, each under its lock."""

from collections.abc import Sequence
from functools import partial

from pvc_cli.cluster.controls import Plan
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.state_lock import control_vms
from pvc_cli.cluster.waiting import Goal
from pvc_cli.commands._common.command import Context
from pvc_cli.commands._common.held import held
from pvc_cli.commands._common.outcomes import Patience, carry_out
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands._common.selecting import Selection, chosen_vms, confirm_many
from pvc_cli.zk import ZKHandler


def control_chosen(
    context: Context,
    handler: ZKHandler,
    names: Sequence[str],
    selection: Selection,
    plan: Plan[VmRef],
    *,
    deed: Deed,
    preview: Plan[VmRef],
    goal: Goal[VmRef],
    patience: Patience,
    dry_run: bool,
) -> int:
    """Carry *plan* out on the VMs that have *names* or are selected; exit 1 if one was refused or failed.

    :param preview: a plan like *plan* that remembers nothing of it.
    :param goal: when it is done, to wait for that if *patience* says so.
    """
    vms = chosen_vms(context.output, handler, names, selection)
    confirm_many(deed, vms, selection, dry_run=dry_run)
    change = partial(control_vms, preview=preview, on_wait=context.output.message)
    plan = held(plan, selection)
    return carry_out(context.output, handler, vms, plan, dry_run=dry_run, change=change, goal=goal, patience=patience)
