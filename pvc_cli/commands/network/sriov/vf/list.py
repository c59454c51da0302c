from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pvc_cli.cluster.documents import vf_document
from pvc_cli.cluster.sriov.model import SETTINGS, WATCHED_KEYS, Vf, find_pf, list_vfs, user_names
from pvc_cli.cluster.sriov.users import held, read_users
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, watch_option
from pvc_cli.commands._common.listing import list_options, show_list
from pvc_cli.commands._common.watching import turns
from pvc_cli.commands.network.sriov.vf._shared import setting_cell
from pvc_cli.errors import EXIT_INTERRUPTED
from pvc_cli.output.writer import Output, Row
from pvc_cli.zk import ZKHandler

if TYPE_CHECKING:
    from pvc_cli.zk.watch import Watcher

_HEADERS = ("NODE", "VF", "VLAN", "QOS", "TX MIN", "TX MAX", "LINK", "SPOOF", "TRUST", "RSS", "USED BY")


@click.command("list")
@click.argument("node", required=False, shell_complete=complete.nodes)
@click.argument("pf", required=False, shell_complete=complete.pfs)
@click.option("--used/--unused", default=None, help="Show only used, or only unused VFs.")
@watch_option
@list_options(*_HEADERS)
@pass_context
def command(context: Context, node: str | None, pf: str | None, used: bool | None, watch: bool) -> int:
    """List the VFs of NODE, of its PF, or of all nodes.

    Unused is what nobody has claimed, and no running VM has in its XML.

    \b
    Examples:
      pvc sriov vf list
      pvc sriov vf list pvchv1 ens1f0 --unused -o name
    """

    def arm(handler: ZKHandler, watcher: Watcher) -> None:
        nodes = [node] if node else handler.children("base.node") or []
        watcher.watch(children=["base.node", *(("node.sriov.vf", name) for name in nodes)])
        vfs = list_vfs(handler, node, pf)
        watcher.watch(values=[("node.sriov.vf", vf.node, key, vf.phy) for vf in vfs for key in WATCHED_KEYS])

    with connect_to_list(context) as handler:
        if node and pf:
            find_pf(handler, node, pf)
        with turns(context.output, handler, arm, watch=watch) as each:
            for _ in each:
                found = [vf for vf in list_vfs(handler, node, pf) if used in (None, vf.used)]
                if used is False:
                    # PVC claims none when it defines a VM: its XML says more than the claims do.
                    taken = held(read_users(handler, node))
                    found = [
                        vf
                        for vf in found
                        if not taken & {(node, device) for node in (vf.node, "") for device in (vf.phy, str(vf.pci))}
                    ]
                _show_list(context.output, found, user_names(handler, found) if context.output.tabular else {})
    return EXIT_INTERRUPTED if watch else 0


def _show_list(output: Output, vfs: list[Vf], users: dict[str, str]) -> None:
    show_list(
        output,
        vfs,
        document=vf_document,
        name=lambda vf: vf.phy,
        headers=_HEADERS,
        row=lambda vf: _row(vf, users),
        nothing="No VFs.",
        things="VFs",
    )


def _row(vf: Vf, users: dict[str, str]) -> Row:
    user = users.get(vf.used_by, "?") if vf.used else "unclaimed"
    return [vf.node, vf.phy, *(setting_cell(getattr(vf.config, name)) for name in SETTINGS), user]
