from typing import TypeVar

import click

from pvc_cli.cluster.documents import node_document
from pvc_cli.cluster.node_details import read_node_details, watch_details
from pvc_cli.cluster.nodes import Node, list_nodes, watch_nodes
from pvc_cli.commands._common.command import (
    Context,
    connect_to_list,
    pass_context,
    pattern_argument,
    watch_option,
)
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.sizes import memory_cell, rounded_memory_cell
from pvc_cli.commands._common.watching import turns
from pvc_cli.commands.node._states import daemon_cell, memory_colour, state_cell
from pvc_cli.output.cells import Cell, Row, as_cell

_Figure = TypeVar("_Figure", int | None, float | None)
_HEADERS = ("NAME", "DAEMON", "ROLE", "DOMAINS", "FENCING", "HEALTH", "VMS UP", "LOAD", "USED", "MEMORY", "PVC")
_WIDE = ("SCHEMA", "MODE", "CPUS", "VCPUS", "FREE", "ALLOCATED", "PROVISIONED")
_STALE = "? its daemon does not report: 'pvc node info' has the last figures"
_BEYOND = "! its VMs, running or not, have more memory than the node"


@click.command("list")
@pattern_argument
@watch_option
@list_options(*_HEADERS, *_WIDE, things="nodes")
@pass_context
def command(context: Context, pattern: str | None, watch: bool) -> int:
    """List nodes.

    PATTERN is a regular expression found anywhere in the name. A ! marks a node whose VMs, running or not, have more
    memory than it has. VMS UP are the VMs that run there, not all that are on it: 'pvc vm list -t NODE' lists those.
    The figures of a node whose daemon does not report are unknown.

    \b
    Examples:
      pvc node list -o name
      pvc node list '^pvchv[12]$'
      pvc node list --sort=-load
      pvc node list --count-by daemon
    """
    output = context.output
    arm = watch_nodes if output.tabular or output.style == "name" else watch_details
    with connect_to_list(context) as handler, turns(output, handler, arm, watch=watch) as each:
        for _ in each:
            with each.turn():
                show_records(
                    output,
                    list_nodes(handler, pattern),
                    documents=lambda nodes: map(node_document, nodes, read_node_details(handler, nodes)),
                    names=for_each(lambda node: node.name),
                    headers=_HEADERS,
                    wide=_WIDE,
                    rows=rows_of(_row),
                    nothing="No node matches." if pattern else "No nodes.",
                )
    return each.code


def _row(node: Node) -> Row:
    return [
        node.name,
        daemon_cell(node),
        state_cell(node.coordinator_state),
        state_cell(node.domain_state),
        Cell(node.fencing or "", "red"),
        _health(node),
        _reported(node, node.provisioned_domains),
        _reported(node, node.load),
        rounded_memory_cell(_reported(node, node.memory_used)),
        _total(node),
        node.pvc_version or None,
        node.active_schema,
        node.mode,
        node.cpu_count,
        _reported(node, node.vcpu_allocated),
        rounded_memory_cell(_reported(node, node.memory_free)),
        _of_vms(node, node.memory_allocated),
        _of_vms(node, node.memory_provisioned),
    ]


def _reported(node: Node, figure: _Figure) -> _Figure | None:
    """Return what a node's daemon measures: unknown if it no longer does."""
    return None if node.is_stale else figure


def _health(node: Node) -> Cell:
    health = _reported(node, node.health)
    if health is None:
        return as_cell(None)._replace(note=_STALE if node.is_stale else "")
    return Cell(f"{health} %", value=health)


def _of_vms(node: Node, memory: int | None) -> Cell:
    return memory_cell(_reported(node, memory))._replace(colour=memory_colour(node, memory))


def _total(node: Node) -> Cell:
    """Return a node's memory: with a mark in front, so that the numbers stay aligned, if VMs have more of it."""
    cell = rounded_memory_cell(node.memory_known)
    colour = memory_colour(node, node.memory_allocated) or memory_colour(node, node.memory_provisioned)
    return cell._replace(text=f"! {cell.text}", colour=colour, note=_BEYOND) if colour else cell
