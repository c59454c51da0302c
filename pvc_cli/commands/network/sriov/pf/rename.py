import click

from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.sriov.documents import renaming_document
from pvc_cli.cluster.sriov.rename import rename_pf
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import (
    Context,
    connect,
    dry_run_option,
    never_asks_option,
    output_option,
    pass_context,
)
from pvc_cli.commands._common.dry_run import show_change
from pvc_cli.commands.network.sriov.pf._named import named_pf
from pvc_cli.errors import InvalidInputError


@click.command("rename")
@click.argument("node", shell_complete=complete.pf_words)
@click.argument("old", shell_complete=complete.pfs)
@click.argument("new", required=False)
@never_asks_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, node: str, old: str, new: str | None, dry_run: bool) -> None:
    """Rename a PF in the tree, with its VFs, their settings and claims.

    For a card that the kernel calls NEW now; NODE/OLD is one word, too. Change the node's configuration first: its
    agent registers what stands there. The XML of VMs is not changed.

    \b
    Example:
      pvc sriov pf rename pvchv1 ens1f0 ens1f0np0 --dry-run
    """
    output = context.output
    if new is None:
        (node, old), new = named_pf(node, None), old
    else:
        node, old = named_pf(node, old)
    if new == "-":
        raise InvalidInputError("'-' is not a PF: give its name")
    with connect(context) as handler:
        renaming = rename_pf(handler, node, old, new, dry_run=dry_run)

        def names() -> list[str]:
            return [to.phy for _, to in renaming.vfs]

        whole = handler.transaction()
        whole.ops += [op for part in renaming.parts for op in part.ops]
        show_change(
            output,
            handler,
            [Part(f"{node}/{old}", whole)],
            lambda: renaming_document(node, old, new, renaming),
            names,
            dry_run=dry_run,
        )
    for vm in renaming.vms:
        output.warning(f"VM {vm.name} has a VF of {old} in its XML: change it to {new}")
    output.message(f"{node}/{old}: {'would be ' if dry_run else ''}renamed to {new}, with {len(renaming.vfs)} VFs.")
