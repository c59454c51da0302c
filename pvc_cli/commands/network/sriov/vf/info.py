import click

from pvc_cli.agent.linux import read_actual
from pvc_cli.cluster.documents import vf_document
from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.model import SETTINGS, Vf, VfConfig, read_vfs, user_names
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.times import time_text
from pvc_cli.commands.network.sriov._reports import STATE_COLOURS, agent_fields, explain, explain_setting, word
from pvc_cli.commands.network.sriov.vf._shared import vf_words, vfs_argument
from pvc_cli.output.cells import Cell, known
from pvc_cli.output.writer import Output


@click.command("info")
@vfs_argument
@output_option
@pass_context
def command(context: Context, words: tuple[str, ...]) -> None:
    """Show a VF, and what the agent of its node reports of it.

    NODE/VF is one word for both; several are shown one after the other, and - reads them from standard input.

    On the node itself, with the agent's extra installed, the settings that the driver reports are shown, too.

    \b
    Example:
      pvc sriov vf info pvchv1 ens1f0v0
    """
    output = context.output
    wanted = vf_words(context, words)
    with connect(context) as handler:
        vfs = wanted.find(handler)
        found = read_vfs(handler, vfs)
        agents = read_agents(handler, [vf.node for vf in found])
        users = user_names(handler, found) if context.output.style == "table" else {}
    if vfs and not found:
        raise vfs[0].gone()
    actual = read_actual(found)
    documents = [vf_document(vf, agents[vf.node], actual.get(vf.phy)) for vf in found]
    output.show(
        lambda: documents[0] if len(documents) == 1 and wanted.is_one else documents,
        names=lambda: [f"{vf.node}/{vf.phy}" for vf in found],
        table=lambda: "\n\n".join(_details(output, vf, users, agents[vf.node], actual.get(vf.phy)) for vf in found),
    )


def _details(output: Output, vf: Vf, users: dict[str, str], agent: Agent, actual: VfConfig | None) -> str:
    report = agent.vf(vf.phy)
    fields: list[tuple[str, str | Cell]] = [
        ("Node", vf.node),
        ("VF", vf.phy),
        ("PF", vf.pf),
        ("PCI address", str(vf.pci) or "?"),
        ("MTU", known(vf.mtu)),
        ("MAC", vf.mac if vf.mac == vf.phy_mac else f"{vf.mac} (of the card: {vf.phy_mac})"),
        ("Used by", f"{users.get(vf.used_by, '?')} {vf.used_by}" if vf.used else "-"),
        *agent_fields(agent),
    ]
    if report:
        state = f"{report.state.replace('_', ' ')} since {time_text(report.since)}"
        if report.state in ("missing", "orphaned"):
            state += f": {explain(vf, report)}"
        fields.append(("Status", Cell(state, STATE_COLOURS[report.state])))
    rows: list[list[str | Cell]] = []
    for setting in SETTINGS:
        wanted, is_ = (None if config is None else getattr(config, setting) for config in (vf.config, actual))
        same = is_ in (None, wanted)
        says = explain_setting(vf, report, setting) if report else ""
        rows.append(
            [
                *(setting, word(wanted)),
                *([Cell(word(is_), "" if same else "red")] if actual else []),
                *([Cell(says, "red")] if report else []),
            ]
        )
    headers = ("SETTING", "WANTED", *(["ACTUAL"] if actual else []), *(["REPORTED"] if report else []))
    wrap = len(headers) - 1 if report else None
    return f"{output.fields(fields)}\n\n{output.table(headers, rows, wrap=wrap)}"
