import click

from pvc_cli.cluster.nodes import find_nodes, list_nodes
from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.documents import agent_document
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import list_options, show_list
from pvc_cli.commands._common.times import time_text
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.writer import Cell, Row

_HEADERS = ("NODE", "AGENT", "WANTED", "PRESENT", "IN SYNC", "REFUSED", "DRIFTED", "ORPHANED", "REPORTED", "SAYS")
_COLOURS = {"running": "green", "silent": "red", "stopped": "yellow", "none": "dim"}


@click.command("status")
@click.argument("node", required=False, shell_complete=complete.nodes)
@list_options(*_HEADERS)
@pass_context
def command(context: Context, node: str | None) -> int:
    """Show the agents of all nodes, and what they report; exit 1 if something is wrong.

    A node without an agent is not wrong: PVC's own daemon may manage its cards.

    \b
    Example:
      pvc sriov agent status
    """
    with connect_to_list(context) as handler:
        agents = read_agents(handler, find_nodes(handler, [node]) if node else list_nodes(handler))
    show_list(
        context.output,
        agents,
        document=agent_document,
        name=lambda agent: agent.node,
        headers=_HEADERS,
        row=_row,
        nothing="No nodes.",
        things="nodes",
    )
    wrong = any(agent.report and (agent.state != "running" or not agent.report.healthy) for agent in agents)
    return EXIT_REFUSED if wrong else 0


def _row(agent: Agent) -> Row:
    state = Cell(agent.state, _COLOURS[agent.state])
    if agent.report is None:
        return [agent.node, state, *(Cell("", value=None) for _ in range(6)), "", agent.holder]
    pfs = agent.report.pfs.values()
    names = ("wanted", "present", "in_sync", "refused", "drifted", "orphaned")
    counts = [sum(getattr(pf, name) for pf in pfs) for name in names]
    return [agent.node, state, *counts, time_text(agent.report.agent.heartbeat), agent.report.message]
