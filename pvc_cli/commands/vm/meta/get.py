from itertools import starmap

import click

from pvc_cli.cluster.documents import metadata_document
from pvc_cli.cluster.vms.metadata import Metadata, read_metadata
from pvc_cli.cluster.vms.query import VmRef, is_one
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.selecting import Selection, listed_vms, named_vms, vms_options
from pvc_cli.output.cells import Cell, Row, flag_cell, list_cell

_HEADERS = ("VM", "NODE LIMIT", "SELECTOR", "AUTOSTART", "METHOD", "DOWNTIME", "PROFILE")


@click.command("get")
@vms_options()
@list_options(*_HEADERS, things="VMs")
@pass_context
def command(context: Context, selection: Selection) -> None:
    """Show the metadata of VMs.

    VMs are selected as in 'pvc vm start'. DOWNTIME is the longest of a live migration.

    \b
    Examples:
      pvc vm meta get db-01
      pvc vm meta get --all -o json
    """
    names, output = named_vms(context, selection), context.output
    with connect_to_list(context) as handler:
        vms = listed_vms(output, handler, names, selection, "show")
        found = list(zip(vms, read_metadata(handler, vms), strict=True))
    alone = is_one(*selection.words)
    show_records(
        output,
        found,
        documents=lambda found: metadata_document(*found[0]) if alone else starmap(metadata_document, found),
        names=for_each(lambda pair: pair[0].name),
        headers=_HEADERS,
        rows=rows_of(lambda pair: _row(*pair)),
        nothing="",
    )


def _row(vm: VmRef, metadata: Metadata) -> Row:
    downtime = metadata.migration_max_downtime
    return [
        vm.name,
        list_cell(metadata.node_limit),
        metadata.node_selector,
        flag_cell(metadata.node_autostart),
        metadata.migration_method,
        Cell("?" if downtime is None else f"{downtime} ms", value=downtime),
        metadata.profile,
    ]
