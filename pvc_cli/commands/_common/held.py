"""Hold a change to what the command line selected."""

from pvc_cli.cluster.controls import Plan, refuse
from pvc_cli.cluster.vms.meant import NO_LONGER, while_meant
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.commands._common.selecting import Selection


def held(plan: Plan[VmRef], selection: Selection) -> Plan[VmRef]:
    """Return *plan* for VMs that options may have selected: those that no longer match are refused."""
    return while_meant(plan, selection.filters, lambda handler, step: refuse(handler, step.item, NO_LONGER))
