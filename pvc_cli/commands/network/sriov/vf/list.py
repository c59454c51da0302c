from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pvc_cli.cluster.documents import vf_document
from pvc_cli.cluster.sriov.agents import Agents, read_agents, reported
from pvc_cli.cluster.sriov.model import SETTINGS, WATCHED_KEYS, Vf, VfRef, find_pf, list_vfs, user_names
from pvc_cli.cluster.sriov.names import split_pair
from pvc_cli.cluster.sriov.report import report_key
from pvc_cli.cluster.sriov.selection import of_vm, read_user, unused
from pvc_cli.cluster.sriov.users import read_users
from pvc_cli.cluster.vms.query import VmRef, find
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.agents import warn_of_agents
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, watch_option
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import time_text
from pvc_cli.commands._common.watching import turns
from pvc_cli.commands.network.sriov._reports import explain, state_cell
from pvc_cli.commands.network.sriov.vf._shared import one_name, setting_cell
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.cells import UNKNOWN, Cell, flag_cell, optional_cell
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

if TYPE_CHECKING:
    from pvc_cli.zk.watch import Watcher

_SETTINGS = dict(zip(SETTINGS, ("VLAN", "QOS", "TX MIN", "TX MAX", "LINK", "SPOOF", "TRUST", "RSS"), strict=True))
_EVERY = ("NODE", "VF", "STATUS", *_SETTINGS.values(), "USED BY", "PF", "USED", "SINCE", "DETAIL")
_USUAL = tuple(name for name in _EVERY if name not in ("QOS", "RSS", "PF", "USED", "SINCE", "DETAIL"))
_DRIFT = ("NODE", "VF", "STATUS", "SINCE", "DETAIL")


@click.command("list")
@click.argument("node", required=False, shell_complete=complete.pf_words)
@click.argument("pf", required=False, shell_complete=complete.pfs)
@click.option("--used/--unused", default=None, help="Show only used, or only unused VFs.")
@click.option("--vm", metavar="VM", shell_complete=complete.vms, help="Show only the VFs of this VM, claimed or not.")
@click.option("--drift", is_flag=True, help="Show only VFs that the agents report as not in sync, and why.")
@watch_option
@list_options(*_EVERY, things="VFs", least=("TX MIN", "SPOOF", "TRUST", "TX MAX"))
@pass_context
def command(
    context: Context, node: str | None, pf: str | None, used: bool | None, vm: str | None, drift: bool, watch: bool
) -> int:
    """List the VFs of NODE, of its PF, or of all nodes.

    NODE/PF is one word for both. Unused is what nobody has claimed, and no running VM has in its XML.

    STATUS is what the node's agent reports of the VF. Where the agent no longer reports, it is that of the agent:
    silent, stopped, or down with its node. Where no agent ever reported, it is empty.

    With --drift, exit 1 if the agent of a listed node does not report: whether its VFs are in sync is unknown then.

    \b
    Examples:
      pvc sriov vf list
      pvc sriov vf list --drift
      pvc sriov vf list --count-by pf
      pvc sriov vf list pvchv1 ens1f0 --unused -o name
    """

    def arm(handler: ZKHandler, watcher: Watcher) -> None:
        nodes = [node] if node else handler.children("base.node") or []
        watcher.watch(children=["base.node", *(("node.sriov.vf", name) for name in nodes)])
        vfs = list_vfs(handler, node, pf)
        watcher.watch(values=[("node.sriov.vf", vf.node, key, vf.phy) for vf in vfs for key in WATCHED_KEYS])
        watcher.watch(values=map(report_key, nodes), children=[("node.sriov", name) for name in nodes])

    if node and "/" in node and pf is None:
        node, pf = split_pair(node)
    with connect_to_list(context) as handler:
        if node and pf:
            find_pf(handler, node, pf)
        owner = find(handler, [one_name(vm)])[0] if vm else None
        code = 0
        with turns(context.output, handler, arm, watch=watch) as each:
            for _ in each:
                with each.turn():
                    found = _select(context.output, handler, list_vfs(handler, node, pf), used, owner)
                    agents = read_agents(handler, [vf.node for vf in found])
                    headers, nothing = _USUAL, "No VFs."
                    if drift:
                        code = EXIT_REFUSED if _warn_of_unknown(context.output, agents) else 0
                        headers, nothing = _DRIFT, _no_drift(agents)
                        found = [vf for vf in found if (it := reported(agents, _ref(vf))) and it.state != "in_sync"]
                    _show_list(context.output, handler, found, agents, headers, nothing)
    return each.code or code


def _warn_of_unknown(output: Output, agents: Agents) -> bool:
    """Warn of nodes whose VFs may have drifted unseen, and tell whether there are any."""
    last = {name: agent for name, agent in agents.items() if agent.report}
    warn_of_agents(output, last, "showing what was reported last")
    never = [name for name, agent in agents.items() if not agent.report]
    if never:
        output.warning(
            f"no SR-IOV agent reports from {', '.join(never)}: whether the VFs there are in sync is unknown"
        )
    return bool(never) or any(agent.trouble for agent in last.values())


def _no_drift(agents: Agents) -> str:
    """Return what it means that no VF is known to be out of sync."""
    reporting = [agent for agent in agents.values() if agent.report and not agent.trouble]
    if not agents:
        return "No VFs."
    if not reporting:
        return "No agent reports: whether VFs are in sync is unknown."
    return (
        "All VFs are in sync." if len(reporting) == len(agents) else "All VFs of the nodes that report are in sync."
    )


def _ref(vf: Vf) -> VfRef:
    return VfRef(vf.node, vf.phy)


def _select(output: Output, handler: ZKHandler, vfs: list[Vf], used: bool | None, owner: VmRef | None) -> list[Vf]:
    if owner:
        user = read_user(handler, owner)
        if user and not user.readable:
            output.warning(f"the XML of VM {owner.name} is unreadable: showing only what is claimed for it")
        vfs = of_vm(vfs, user) if user else []
    if used is False:
        return unused(vfs, read_users(handler, vfs[0].node if len({vf.node for vf in vfs}) == 1 else None))
    return [vf for vf in vfs if used in (None, vf.used)]


def _show_list(
    output: Output, handler: ZKHandler, vfs: list[Vf], agents: Agents, headers: tuple[str, ...], nothing: str
) -> None:
    wide = tuple(name for name in _EVERY if name not in headers)
    users = user_names(handler, vfs) if output.tabular or output.layout.asks else {}
    show_records(
        output,
        vfs,
        documents=for_each(lambda vf: vf_document(vf, agents[vf.node])),
        names=for_each(lambda vf: _ref(vf).name),
        headers=headers,
        wide=wide,
        wrap=headers.index("DETAIL") if "DETAIL" in headers else None,
        rows=rows_of(lambda vf: [cells[name] for cells in [_cells(vf, agents, users)] for name in (*headers, *wide)]),
        nothing=nothing,
    )


def _cells(vf: Vf, agents: Agents, users: dict[str, str]) -> dict[str, str | float | Cell | None]:
    report = reported(agents, _ref(vf))
    settings = {header: setting_cell(getattr(vf.config, name)) for name, header in _SETTINGS.items()}
    return {
        "NODE": vf.node,
        "VF": vf.phy,
        "STATUS": state_cell(agents[vf.node], report),
        **settings,
        "USED BY": optional_cell(users.get(vf.used_by, UNKNOWN) if vf.used else None, "-"),
        "PF": vf.pf,
        "USED": flag_cell(vf.used),
        "SINCE": Cell(time_text(report.since) if report else "", value=report.since if report else None),
        "DETAIL": explain(vf, report) if report else "",
    }
