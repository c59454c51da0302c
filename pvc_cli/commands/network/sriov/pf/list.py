import click

from pvc_cli.cluster.documents import pf_document
from pvc_cli.cluster.sriov.model import list_pfs
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import list_options, show_list

_HEADERS = ("NODE", "PF", "MTU", "VFS", "WANTED")


@click.command("list")
@click.argument("node", required=False, shell_complete=complete.nodes)
@list_options(*_HEADERS)
@pass_context
def command(context: Context, node: str | None) -> None:
    """List the PFs of NODE, or of all nodes.

    \b
    Example:
      pvc sriov pf list pvchv1
    """
    with connect_to_list(context) as handler:
        show_list(
            context.output,
            list_pfs(handler, node),
            document=pf_document,
            name=lambda pf: pf.phy,
            headers=_HEADERS,
            row=lambda pf: [pf.node, pf.phy, pf.mtu, len(pf.vfs), pf.vfcount],
            nothing="No PFs.",
            things="PFs",
        )
