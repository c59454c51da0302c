"""``pvc sriov pf``: look at physical functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pvc_cli.commands import complete
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import output_option, pass_context
from pvc_cli.context import Context
from pvc_cli.output import Cell, Format, known

if TYPE_CHECKING:
    from pvc_cli.cluster.sriov.functions import Vf


@click.group(cls=LazyGroup)
def pf() -> None:
    """Look at physical functions, the ports of network cards."""


@pf.command("list")
@click.argument("node", required=False, shell_complete=complete.nodes)
@output_option
@pass_context
def list_(context: Context, node: str | None, style: Format) -> None:
    """List the physical functions of NODE, or of all nodes.

    \b
    Example:
      pvc sriov pf list pvchv1
    """
    from pvc_cli.cluster.documents import pf_document
    from pvc_cli.cluster.sriov.functions import list_pfs

    output = context.output
    with context.connect() as handler:
        found = list_pfs(handler, node)
    output.show(
        style,
        lambda: [pf_document(pf) for pf in found],
        names=lambda: dict.fromkeys(pf.phy for pf in found),
        table=lambda: output.table(
            ("NODE", "PF", "MTU", "VFS", "WANTED"),
            [[pf.node, pf.phy, known(pf.mtu), str(len(pf.vfs)), known(pf.vfcount)] for pf in found],
        ),
    )
    if not found:
        output.message("No PFs.")


@pf.command("info")
@click.argument("node", shell_complete=complete.nodes)
@click.argument("name", metavar="PF", shell_complete=complete.pfs)
@output_option
@pass_context
def info(context: Context, node: str, name: str, style: Format) -> None:
    """Show a physical function, its virtual functions, and who uses them.

    \b
    Example:
      pvc sriov pf info pvchv1 ens1f0
    """
    from pvc_cli.cluster.documents import pf_document
    from pvc_cli.cluster.sriov.functions import find_pf, list_vfs, user_names

    output = context.output
    with context.connect() as handler:
        pf = find_pf(handler, node, name)
        vfs = list_vfs(handler, node, name) if style == "table" else []
        names = user_names(handler, vfs)
    fields = [("Node", pf.node), ("PF", pf.phy), ("MTU", known(pf.mtu)), ("VFs wanted", known(pf.vfcount))]
    output.show(
        style,
        lambda: pf_document(pf),
        names=lambda: [pf.phy],
        table=lambda: "\n\n".join(
            part
            for part in (
                output.fields(fields),
                output.table(("VF", "PCI ADDRESS", "VLAN", "USED BY"), [_row(vf, names) for vf in vfs]),
            )
            if part
        ),
    )


def _row(vf: Vf, names: dict[str, str]) -> list[str | Cell]:
    user = names.get(vf.used_by, "?") if vf.used else ""
    return [
        vf.phy,
        str(vf.pci),
        known(vf.config.vlan_id),
        Cell(f"-> {user}" if user else "free", "" if user else "green"),
    ]
