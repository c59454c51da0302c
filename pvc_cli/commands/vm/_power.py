"""Tell VMs to start, stop, shut down or restart."""

from pvc_cli.cluster.vms.power import Action, plan_power, power_goal
from pvc_cli.commands._common.command import Context, connect
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands._common.progress import Deed
from pvc_cli.commands._common.selecting import Selection, named_vms
from pvc_cli.commands.vm._control import control_chosen


def tell(
    context: Context, selection: Selection, action: Action, patience: Patience, *, dry_run: bool, force: bool = False
) -> int:
    """Have the VMs that the command line means do *action*."""
    names = named_vms(context, selection)
    with connect(context) as handler:
        return control_chosen(
            context,
            handler,
            names,
            selection,
            plan_power(action, force=force),
            deed=Deed("shut down" if action == "shutdown" else action),
            preview=plan_power(action, force=force),
            goal=power_goal(action),
            patience=patience,
            dry_run=dry_run,
        )
