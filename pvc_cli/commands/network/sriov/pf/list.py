import click

from pvc_cli.cluster.documents import pf_document
from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.model import Pf, list_pfs
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands.network.sriov._reports import pf_cell
from pvc_cli.output.cells import Row

_HEADERS = ("NODE", "PF", "MTU", "VFS", "WANTED", "STATUS")


@click.command("list")
@click.argument("node", required=False, shell_complete=complete.nodes)
@list_options(*_HEADERS, things="PFs")
@pass_context
def command(context: Context, node: str | None) -> None:
    """List the PFs of NODE, or of all nodes.

    \b
    Example:
      pvc sriov pf list pvchv1
    """
    with connect_to_list(context) as handler:
        pfs = list_pfs(handler, node)
        agents = read_agents(handler, [pf.node for pf in pfs])
    show_records(
        context.output,
        pfs,
        documents=for_each(lambda pf: pf_document(pf, agents[pf.node])),
        names=for_each(lambda pf: f"{pf.node}/{pf.phy}"),
        headers=_HEADERS,
        rows=rows_of(lambda pf: _row(pf, agents[pf.node])),
        nothing="No PFs.",
    )


def _row(pf: Pf, agent: Agent) -> Row:
    report = agent.report.pfs.get(pf.phy) if agent.report else None
    return [pf.node, pf.phy, pf.mtu, len(pf.vfs), pf.vfcount, pf_cell(agent, report)]
