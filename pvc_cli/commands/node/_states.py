"""How the states and the memory of nodes are shown."""

from pvc_cli.cluster.nodes import Node
from pvc_cli.output.cells import Cell

_COLOURS = {
    "run": "green",
    "ready": "green",
    "primary": "bold",
    "stop": "yellow",
    "dead": "red",
    "fenced": "red",
    "fence-flush": "red",
}


def state_cell(state: str) -> Cell:
    return Cell(state, _COLOURS.get(state, ""))


def daemon_cell(node: Node) -> Cell:
    """Return the state of a node's daemon, and whether it is silent: PVC marks nothing as dead during maintenance."""
    cell = state_cell(node.daemon_state)
    return Cell(f"{cell.text}, silent", "red", value=cell.text) if node.silence else cell


def memory_colour(node: Node, of_vms: int | None) -> str:
    """Return the colour of the memory that VMs have on *node*: none, if it has as much."""
    if not node.lacks_memory(of_vms):
        return ""
    return "red" if node.lacks_memory(node.memory_allocated) else "yellow"
