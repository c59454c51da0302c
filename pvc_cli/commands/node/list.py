import click

from pvc_cli.cluster.documents import node_document
from pvc_cli.cluster.node_details import read_node_details
from pvc_cli.cluster.nodes import Node, list_nodes
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.commands.node._states import state_cell
from pvc_cli.output.writer import Cell, known

_HEADERS = ("NAME", "DAEMON", "ROLE", "DOMAINS", "HEALTH", "VMS", "LOAD", "MEMORY", "PVC", "SCHEMA")


@click.command("list")
@output_option
@pass_context
def command(context: Context) -> None:
    """List nodes.

    \b
    Example:
      pvc node list -o name
    """
    output = context.output
    with connect_to_list(context) as handler:
        nodes = list_nodes(handler)
        output.show(
            lambda: map(node_document, nodes, read_node_details(handler, nodes)),
            names=lambda: [node.name for node in nodes],
            table=lambda: output.table(_HEADERS, [_row(node) for node in nodes]),
        )
        if not nodes:
            output.message("No nodes.")


def _row(node: Node) -> list[str | Cell]:
    return [
        node.name,
        state_cell(node.daemon_state),
        state_cell(node.coordinator_state),
        state_cell(node.domain_state),
        "?" if node.health is None else f"{node.health} %",
        known(node.provisioned_domains),
        known(node.load),
        f"{_gibibytes(node.memory_used)}/{_gibibytes(node.memory_total)} GiB",
        node.pvc_version or "?",
        known(node.active_schema),
    ]


def _gibibytes(mebibytes: int | None) -> str:
    return "?" if mebibytes is None else f"{mebibytes / 1024:.0f}"
