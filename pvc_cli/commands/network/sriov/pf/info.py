import click

from pvc_cli.cluster.documents import pf_document
from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.model import Pf, Vf, find_pf, list_vfs, user_names
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands.network.sriov._reports import agent_fields, state_cell
from pvc_cli.commands.network.sriov.pf._named import named_pf
from pvc_cli.output.cells import UNKNOWN, Cell, Row, known, optional_cell
from pvc_cli.output.writer import Output


@click.command("info")
@click.argument("node", shell_complete=complete.pf_words)
@click.argument("name", metavar="PF", required=False, shell_complete=complete.pfs)
@output_option
@pass_context
def command(context: Context, node: str, name: str | None) -> None:
    """Show a PF, its VFs and the VMs that use them, and what the agent of its node reports.

    NODE/PF is one word for both.

    \b
    Example:
      pvc sriov pf info pvchv1 ens1f0
    """
    output = context.output
    node, name = named_pf(node, name)
    with connect(context) as handler:
        pf = find_pf(handler, node, name)
        vfs = list_vfs(handler, node, name) if context.output.style == "table" else []
        names = user_names(handler, vfs)
        agent = read_agents(handler, [node])[node]
    fields = [("Node", pf.node), ("PF", pf.phy), ("MTU", known(pf.mtu)), ("VFs wanted", known(pf.vfcount))]
    output.show(
        lambda: pf_document(pf, agent),
        names=lambda: [f"{pf.node}/{pf.phy}"],
        table=lambda: "\n\n".join(
            filter(None, (output.fields([*fields, *_report(pf, agent)]), _table(output, vfs, agent, names)))
        ),
    )


def _report(pf: Pf, agent: Agent) -> list[tuple[str, str | Cell]]:
    """Return the lines of what is reported of a PF."""
    fields = agent_fields(agent)
    if agent.report and (report := agent.report.pfs.get(pf.phy)):
        counts = [f"{report.present} present", f"{report.in_sync} in sync"]
        for kind in ("refused", "drifted", "orphaned"):
            if count := getattr(report, kind):
                counts.append(f"{count} {kind}")
        short = report.present < report.wanted
        fields.append(("VFs", Cell(f"{report.wanted} configured, {', '.join(counts)}", "red" if short else "")))
        fields += [("Problem", Cell(problem, "red")) for problem in report.problems]
    return fields


def _table(output: Output, vfs: list[Vf], agent: Agent, names: dict[str, str]) -> str:
    rows: list[Row] = []
    for vf in vfs:
        user = optional_cell(names.get(vf.used_by, UNKNOWN) if vf.used else None, "-")
        rows.append([vf.phy, state_cell(agent, agent.vf(vf.phy)), str(vf.pci), vf.config.vlan_id, user])
    return output.table(("VF", "STATUS", "PCI ADDRESS", "VLAN", "USED BY"), rows)
