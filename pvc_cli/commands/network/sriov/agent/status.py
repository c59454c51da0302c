import time

import click

from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.documents import agent_document
from pvc_cli.cluster.values import natural_key
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import age_text, time_text
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.cells import Cell, Row

_HEADERS = ("NODE", "AGENT", "WANTED", "IN SYNC", "REPORTED", "SAYS")
_WIDE = ("PRESENT", "REFUSED", "DRIFTED", "ORPHANED", "HEARTBEAT")
_NOTHING = Cell("", value=None)
_COLOURS = {"running": "green", "silent": "red", "down": "red", "stopped": "yellow", "none": "dim"}


@click.command("status")
@click.argument("node", required=False, shell_complete=complete.nodes)
@list_options(*_HEADERS, *_WIDE, things="nodes")
@pass_context
def command(context: Context, node: str | None) -> int:
    """Show the agents of all nodes, and what they report; exit 1 if something is wrong.

    A node without an agent is not wrong: PVC's own daemon may manage its cards.

    \b
    Example:
      pvc sriov agent status
    """
    with connect_to_list(context) as handler:
        if node:
            require_node(handler, node)
        nodes = [node] if node else sorted(handler.children("base.node") or [], key=natural_key)
        agents = list(read_agents(handler, nodes).values())
    show_records(
        context.output,
        agents,
        documents=for_each(agent_document),
        names=for_each(lambda agent: agent.node),
        headers=_HEADERS,
        wide=_WIDE,
        wrap=_HEADERS.index("SAYS"),
        rows=rows_of(_row),
        nothing="No nodes.",
    )
    wrong = any(agent.report and (agent.state != "running" or not agent.report.healthy) for agent in agents)
    return EXIT_REFUSED if wrong else 0


def _row(agent: Agent) -> Row:
    state = Cell(agent.state, _COLOURS[agent.state])
    if agent.report is None:
        return [agent.node, state, _NOTHING, _NOTHING, _NOTHING, agent.holder, *(_NOTHING for _ in _WIDE)]
    pfs, heartbeat = agent.report.pfs.values(), agent.report.agent.heartbeat
    wanted, in_sync, *others = (
        sum(getattr(pf, name) for pf in pfs)
        for name in ("wanted", "in_sync", "present", "refused", "drifted", "orphaned")
    )
    age = Cell(f"{age_text(time.time() - heartbeat)} ago", value=heartbeat)
    return [agent.node, state, wanted, in_sync, age, agent.report.message, *others, time_text(heartbeat)]
