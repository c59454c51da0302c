import click

from pvc_cli.cluster.documents import pf_document
from pvc_cli.cluster.sriov.model import list_pfs
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.output.writer import known


@click.command("list")
@click.argument("node", required=False, shell_complete=complete.nodes)
@output_option
@pass_context
def command(context: Context, node: str | None) -> None:
    """List the PFs of NODE, or of all nodes.

    \b
    Example:
      pvc sriov pf list pvchv1
    """
    output = context.output
    with connect_to_list(context) as handler:
        found = list_pfs(handler, node)
        output.show(
            lambda: [pf_document(pf) for pf in found],
            names=lambda: dict.fromkeys(pf.phy for pf in found),
            table=lambda: output.table(
                ("NODE", "PF", "MTU", "VFS", "WANTED"),
                [[pf.node, pf.phy, known(pf.mtu), str(len(pf.vfs)), known(pf.vfcount)] for pf in found],
            ),
        )
        if not found:
            output.message("No PFs.")
