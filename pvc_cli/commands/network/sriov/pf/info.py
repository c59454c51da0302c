import click

from pvc_cli.cluster.documents import pf_document
from pvc_cli.cluster.sriov.model import Vf, find_pf, list_vfs, user_names
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.output.writer import Output, Row, known


@click.command("info")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="PF", shell_complete=complete.pfs)
@output_option
@pass_context
def command(context: Context, node: str, name: str) -> None:
    """Show a PF, its VFs and the VMs that use them.

    \b
    Example:
      pvc sriov pf info pvchv1 ens1f0
    """
    output = context.output
    with connect(context) as handler:
        pf = find_pf(handler, node, name)
        vfs = list_vfs(handler, node, name) if context.output.style == "table" else []
        names = user_names(handler, vfs)
    fields = [("Node", pf.node), ("PF", pf.phy), ("MTU", known(pf.mtu)), ("VFs wanted", known(pf.vfcount))]
    output.show(
        lambda: pf_document(pf),
        names=lambda: [pf.phy],
        table=lambda: f"{output.fields(fields)}\n\n{_table(output, vfs, names)}".rstrip("\n"),
    )


def _table(output: Output, vfs: list[Vf], names: dict[str, str]) -> str:
    rows: list[Row] = []
    for vf in vfs:
        user = f"-> {names.get(vf.used_by, '?')}" if vf.used else "unclaimed"
        rows.append([vf.phy, str(vf.pci), vf.config.vlan_id, user])
    return output.table(("VF", "PCI ADDRESS", "VLAN", "USED BY"), rows)
