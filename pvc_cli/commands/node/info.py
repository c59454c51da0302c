import time

import click

from pvc_cli.cluster.documents import node_document
from pvc_cli.cluster.node_details import NodeDetails, read_node_details
from pvc_cli.cluster.nodes import Node, find_nodes
from pvc_cli.cluster.vms.counting import count_placed
from pvc_cli.cluster.vms.query import is_one
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context, secrets_option
from pvc_cli.commands._common.sizes import memory_text
from pvc_cli.commands._common.times import age_text
from pvc_cli.commands.node._states import daemon_cell, memory_colour, state_cell
from pvc_cli.output.cells import Cell, known
from pvc_cli.output.writer import Output


@click.command("info")
@click.argument("names", metavar="NODE…", nargs=-1, required=True, shell_complete=complete.listed_nodes)
@secrets_option
@output_option
@pass_context
def command(context: Context, names: tuple[str, ...], secrets: bool) -> None:
    """Show the details of nodes.

    NODE is a name, a list with commas, a pattern in quotes, or - for names from standard input.

    \b
    Examples:
      pvc node info pvchv1
      pvc node info pvchv1 pvchv2 -o json
    """
    output = context.output
    wanted = context.names(names)
    with connect(context) as handler:
        nodes = find_nodes(handler, wanted)
        details = read_node_details(handler, nodes)
        placed = count_placed(handler) if output.tabular else {}
    documents = [node_document(*found, secrets=secrets) for found in zip(nodes, details, strict=True)]
    output.show(
        lambda: documents[0] if is_one(*names) else documents,
        names=lambda: [node.name for node in nodes],
        table=lambda: "\n\n".join(
            _details(output, *found, placed.get(found[0].name, 0), secrets=secrets)
            for found in zip(nodes, details, strict=True)
        ),
    )


def _details(output: Output, node: Node, details: NodeDetails, placed: int, *, secrets: bool) -> str:
    password = [("IPMI password", node.ipmi_password)] if secrets else []
    return output.fields(
        [
            ("Name", node.name),
            ("Mode", node.mode),
            ("Daemon", daemon_cell(node)),
            *([("Fencing", Cell(node.fencing_text, "red"))] if node.fencing else []),
            ("Coordinator", state_cell(node.coordinator_state)),
            ("Domains", state_cell(node.domain_state)),
            *([("Last report", _last_report(node))] if node.is_stale else []),
            ("Health", _health(node)),
            *(
                ("Health check", f"{check.name}: {check.message} (-{check.health_delta} %)")
                for check in details.health_checks
                if check.message and check.health_delta
            ),
            ("PVC", node.pvc_version or "?"),
            ("Schema", f"runs {known(node.active_schema)}, knows up to {known(node.latest_schema)}"),
            ("System", " ".join((node.os, node.kernel, node.arch)).strip() or "?"),
            ("CPUs", f"{known(node.cpu_count)}, load {known(node.load)}"),
            ("vCPUs", f"{known(node.vcpu_allocated)} allocated"),
            (
                "Memory",
                f"{memory_text(node.memory_known)}: {memory_text(node.memory_used)} used,"
                f" {memory_text(node.memory_free)} free",
            ),
            ("VMs' memory", _of_vms(node)),
            ("IPMI", f"{node.ipmi_username} at {node.ipmi_hostname}" if node.ipmi_hostname else "none"),
            *password,
            ("VMs", f"{placed} on it, {len(node.running_domains)} of them running"),
        ]
    )


def _last_report(node: Node) -> Cell:
    """Return when a node that no longer reports did so: by this machine's clock, to which its own may differ."""
    when = f"{age_text(time.time() - node.keepalive)} ago" if node.keepalive else "unknown when"
    since = (
        "PVC has reset all figures below since" if node.memory_known is None else "all figures below are from then"
    )
    return Cell(f"{when}, {since}", "red")


def _health(node: Node) -> str:
    health = "?" if node.health is None else f"{node.health} %"
    if not node.is_stale:
        return health
    return "unknown" if node.health is None else f"unknown, was {health}"


def _of_vms(node: Node) -> Cell:
    """Return the memory of the node's VMs, and whether that is more than the node has."""
    words = f"{memory_text(node.memory_allocated)} allocated, {memory_text(node.memory_provisioned)} provisioned"
    if node.lacks_memory(node.memory_allocated):
        words += "; the running VMs have more than the node"
    elif node.lacks_memory(node.memory_provisioned):
        words += "; more than the node has, if all of its VMs run"
    return Cell(words, memory_colour(node, node.memory_provisioned) or memory_colour(node, node.memory_allocated))
