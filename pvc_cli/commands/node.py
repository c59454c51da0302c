"""``pvc node``: look at nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pvc_cli.commands import complete
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import output_option, pass_context, secrets_option
from pvc_cli.context import Context
from pvc_cli.output import Cell, Format, Output, known

if TYPE_CHECKING:
    from pvc_cli.cluster.nodes import Node

_HEADERS = ("NAME", "DAEMON", "ROLE", "DOMAINS", "HEALTH", "VMS", "LOAD", "MEMORY", "PVC", "SCHEMA")
_COLOURS = {"run": "green", "ready": "green", "stop": "yellow", "dead": "red", "fenced": "red", "primary": "bold"}


@click.group(cls=LazyGroup)
def node() -> None:
    """Look at nodes."""


@node.command("list")
@output_option
@pass_context
def list_(context: Context, style: Format) -> None:
    """List the nodes of the cluster.

    \b
    Example:
      pvc node list -o name
    """
    from pvc_cli.cluster.documents import node_document
    from pvc_cli.cluster.nodes import list_nodes

    output = context.output
    with context.connect() as handler:
        nodes = list_nodes(handler)
    output.show(
        style,
        lambda: [node_document(node) for node in nodes],
        names=lambda: [node.name for node in nodes],
        table=lambda: output.table(_HEADERS, [_row(node) for node in nodes]),
    )
    if not nodes:
        output.message("No nodes.")


def _row(node: Node) -> list[str | Cell]:
    return [
        node.name,
        _state(node.daemon_state),
        _state(node.coordinator_state),
        _state(node.domain_state),
        "?" if node.health is None else f"{node.health} %",
        known(node.provisioned_domains),
        known(node.load),
        f"{_gibibytes(node.memory_used)}/{_gibibytes(node.memory_total)} GiB",
        node.pvc_version or "?",
        known(node.active_schema),
    ]


def _gibibytes(mebibytes: int | None) -> str:
    return "?" if mebibytes is None else f"{mebibytes / 1024:.0f}"


def _state(state: str) -> Cell:
    return Cell(state, _COLOURS.get(state, ""))


@node.command("info")
@click.argument("names", metavar="NODE", shell_complete=complete.nodes)
@secrets_option
@output_option
@pass_context
def info(context: Context, names: str, secrets: bool, style: Format) -> None:
    """Show all that is known of a node; a list with commas, or - for standard input, shows several.

    \b
    Example:
      pvc node info pvchv1
    """
    from pvc_cli.cluster.documents import node_document
    from pvc_cli.cluster.nodes import find_nodes

    output = context.output
    wanted = context.names([names])
    with context.connect() as handler:
        nodes = find_nodes(handler, wanted)
    documents = [node_document(node, secrets=secrets) for node in nodes]
    output.show(
        style,
        lambda: documents[0] if wanted == [names] else documents,
        names=lambda: [node.name for node in nodes],
        table=lambda: "\n\n".join(_details(output, node, secrets=secrets) for node in nodes),
    )


def _details(output: Output, node: Node, *, secrets: bool) -> str:
    password = [("IPMI password", node.ipmi_password)] if secrets else []
    return output.fields(
        [
            ("Name", node.name),
            ("Mode", node.mode),
            ("Daemon", _state(node.daemon_state)),
            ("Coordinator", _state(node.coordinator_state)),
            ("Domains", _state(node.domain_state)),
            ("Health", "?" if node.health is None else f"{node.health} %"),
            ("PVC", node.pvc_version or "?"),
            ("Schema", f"runs {known(node.active_schema)}, knows up to {known(node.latest_schema)}"),
            ("System", " ".join((node.os, node.kernel, node.arch)).strip() or "?"),
            ("CPUs", f"{known(node.cpu_count)}, load {known(node.load)}"),
            ("vCPUs", f"{known(node.vcpu_allocated)} allocated"),
            (
                "Memory",
                f"{known(node.memory_total)} MiB: {known(node.memory_used)} used, {known(node.memory_free)} free",
            ),
            (
                "VMs' memory",
                f"{known(node.memory_allocated)} MiB allocated, {known(node.memory_provisioned)} provisioned",
            ),
            ("IPMI", f"{node.ipmi_username} at {node.ipmi_hostname}" if node.ipmi_hostname else "none"),
            *password,
            ("VMs", f"{known(node.provisioned_domains)}, {len(node.running_domains)} running"),
        ]
    )
