"""How VMs are shown."""

from collections.abc import Collection

from pvc_cli.cluster.vms.model import VmSummary, is_lost, is_outside
from pvc_cli.output.cells import Cell

STATE_COLOURS = {"start": "green", "fail": "red", "stop": "yellow", "disable": "dim"}


def node_cell(vm: VmSummary, dead: Collection[str]) -> Cell:
    """Return where a VM is: with a mark, if it should not be there, and with where it came from.

    :param dead: the nodes whose daemons are dead.
    """
    note = _note(vm, dead)
    marked = f"{vm.node} !" if note else vm.node
    return Cell(
        f"{marked} (from {vm.last_node})" if vm.last_node else marked,
        "red" if note else "yellow" if vm.last_node else "",
        vm.node,
        note,
    )


def _note(vm: VmSummary, dead: Collection[str]) -> str:
    if is_lost(vm.state, vm.node, dead):
        return f"! {vm.node} is dead, and the VM may not run: see 'pvc node info {vm.node}'"
    return "! on a node outside the VM's node limit" if is_outside(vm.node, vm.node_limit) else ""
