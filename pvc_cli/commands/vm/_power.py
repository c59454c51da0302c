"""Tell VMs to start, stop, shut down or restart."""

from functools import partial

from pvc_cli.cluster.vms.power import Action, plan_power, power_goal
from pvc_cli.cluster.vms.state_lock import control_vms
from pvc_cli.commands._common.command import Context, connect
from pvc_cli.commands._common.outcomes import Patience, carry_out
from pvc_cli.commands._common.selecting import Selection, chosen_vms, confirm_many, named_vms, still_meant


def tell(
    context: Context, selection: Selection, action: Action, patience: Patience, *, dry_run: bool, force: bool = False
) -> int:
    """Have the VMs that the command line means do *action*."""
    names = named_vms(context, selection)
    with connect(context) as handler:
        vms = chosen_vms(context.output, handler, names, selection)
        confirm_many(vms, selection, dry_run=dry_run)
        return carry_out(
            context.output,
            handler,
            vms,
            plan_power(action, force=force),
            dry_run=dry_run,
            change=partial(
                control_vms,
                preview=plan_power(action, force=force),
                still_meant=still_meant(selection),
                on_wait=context.output.message,
            ),
            goal=power_goal(action),
            patience=patience,
        )
