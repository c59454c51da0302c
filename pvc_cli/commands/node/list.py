import click

from pvc_cli.cluster.documents import node_document
from pvc_cli.cluster.node_details import read_node_details
from pvc_cli.cluster.nodes import Node, list_nodes
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import list_options, show_records
from pvc_cli.commands._common.sizes import memory_cell
from pvc_cli.commands.node._states import state_cell
from pvc_cli.output.writer import Cell, Row

_HEADERS = ("NAME", "DAEMON", "ROLE", "DOMAINS", "HEALTH", "VMS", "LOAD", "USED", "MEMORY", "PVC", "SCHEMA")


@click.command("list")
@list_options(*_HEADERS)
@pass_context
def command(context: Context) -> None:
    """List nodes.

    \b
    Example:
      pvc node list -o name
    """
    with connect_to_list(context) as handler:
        show_records(
            context.output,
            list_nodes(handler),
            documents=lambda nodes: map(node_document, nodes, read_node_details(handler, nodes)),
            names=lambda nodes: [node.name for node in nodes],
            headers=_HEADERS,
            rows=lambda nodes: [(node, _row(node)) for node in nodes],
            nothing="No nodes.",
            things="nodes",
        )


def _row(node: Node) -> Row:
    return [
        node.name,
        state_cell(node.daemon_state),
        state_cell(node.coordinator_state),
        state_cell(node.domain_state),
        Cell("?" if node.health is None else f"{node.health} %", value=node.health),
        node.provisioned_domains,
        node.load,
        memory_cell(node.memory_used),
        memory_cell(node.memory_total),
        node.pvc_version or None,
        node.active_schema,
    ]
