import click

from pvc_cli.cluster.desired.export import export_document
from pvc_cli.cluster.sriov.model import list_refs
from pvc_cli.commands._common.command import Context, connect, file_output_option, pass_context
from pvc_cli.commands._common.desired import show_state
from pvc_cli.commands._common.selecting import Selection, listed_vms, named_vms, vms_options


@click.command("export")
@vms_options()
@file_output_option
@pass_context
def command(context: Context, selection: Selection) -> None:
    """Write a file for 'pvc apply': what VMs and VFs are like.

    It has all VMs with their tags and metadata, and all VFs with their settings. With VMs or filters, it has only
    those VMs, and no VFs; 'pvc sriov vf export' writes VFs alone.

    \b
    Examples:
      pvc export > state.yaml
      pvc export -g production -o json
    """
    everything = not selection.words and not selection.by_options
    names = [] if everything else named_vms(context, selection)
    with connect(context) as handler:
        vms = listed_vms(context.output, handler, names, selection, "export")
        vfs = list_refs(handler) if everything and "node.sriov" in handler.schema.keys else None
        show_state(context.output, export_document(handler, vms, vfs, context.output.warning))
