import click

from pvc_cli.cluster.desired.export import export_document
from pvc_cli.cluster.sriov.model import list_refs
from pvc_cli.cluster.sriov.names import find_vfs_of, names_on, split_pair
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, file_output_option, pass_context
from pvc_cli.commands._common.desired import show_state


@click.command("export")
@click.argument("node", required=False, shell_complete=complete.pf_words)
@click.argument("name", metavar="[PF|VF]", required=False, shell_complete=complete.vfs)
@file_output_option
@pass_context
def command(context: Context, node: str | None, name: str | None) -> None:
    """Write a file that says how VFs are set, for 'pvc sriov vf apply'.

    It has the VFs of all nodes, of NODE, of its PF, or those that VF means: a name, a list with commas, or a pattern
    in quotes. NODE/PF and NODE/VF are one word, too.

    \b
    Examples:
      pvc sriov vf export > vfs.yaml
      pvc sriov vf export pvchv1 'ens1f0v*' -o json
    """
    if node and "/" in node and name is None:
        node, name = split_pair(node)
    words = names_on(node, context.names([name])) if node and name else []
    with connect(context) as handler:
        vfs = find_vfs_of(handler, node, words) if node and words else list_refs(handler, node)
        document = export_document(handler, None, vfs, context.output.warning)
    show_state(context.output, document)
