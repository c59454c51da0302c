"""How VMs are shown."""

from pvc_cli.cluster.vms.model import Vm, VmSummary, is_outside
from pvc_cli.output.cells import Cell

STATE_COLOURS = {"start": "green", "fail": "red", "stop": "yellow", "disable": "dim"}


def node_cell(vm: Vm | VmSummary) -> Cell:
    """Return where a VM is: with a mark, if its node limit does not allow that, and with where it came from."""
    outside = is_outside(vm.node, vm.node_limit)
    marked = f"{vm.node} !" if outside else vm.node
    return Cell(
        f"{marked} (from {vm.last_node})" if vm.last_node else marked,
        "red" if outside else "yellow" if vm.last_node else "",
        vm.node,
        "! on a node outside the VM's node limit" if outside else "",
    )
