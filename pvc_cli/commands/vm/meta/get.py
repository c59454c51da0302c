import click

from pvc_cli.cluster.documents import metadata_document
from pvc_cli.cluster.vms.metadata import read_metadata
from pvc_cli.cluster.vms.query import is_one
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.commands._common.selecting import Selection, chosen_vms, named_vms, vms_options

_HEADERS = ("VM", "NODE LIMIT", "SELECTOR", "AUTOSTART", "METHOD", "MAX DOWNTIME", "PROFILE")


@click.command("get")
@vms_options()
@output_option
@pass_context
def command(context: Context, selection: Selection) -> None:
    """Show the metadata of VMs.

    VMs are selected as in 'pvc vm start'. The maximum downtime of a live migration is in milliseconds.

    \b
    Examples:
      pvc vm meta get db-01
      pvc vm meta get --all -o json
    """
    names, output = named_vms(context, selection), context.output
    with connect_to_list(context) as handler:
        vms = chosen_vms(output, handler, names, selection, purpose="show")
        found = list(zip(vms, read_metadata(handler, vms), strict=True))
    documents = [metadata_document(vm, metadata) for vm, metadata in found]
    alone = len(selection.words) == 1 and is_one(selection.words[0])
    starts = {True: "yes", False: "no", None: "?"}
    output.show(
        lambda: documents[0] if alone else documents,
        names=lambda: [vm.name for vm in vms],
        table=lambda: output.table(
            _HEADERS,
            [
                [
                    vm.name,
                    ",".join(metadata.node_limit),
                    metadata.node_selector,
                    starts[metadata.node_autostart],
                    metadata.migration_method,
                    metadata.migration_max_downtime,
                    metadata.profile,
                ]
                for vm, metadata in found
            ],
        ),
    )
