from collections.abc import Sequence

import click

from pvc_cli.cluster.documents import tags_document
from pvc_cli.cluster.vms.query import VmRef, is_one
from pvc_cli.cluster.vms.tags import count_tags, read_tags
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.selecting import Selection, listed_vms, named_vms, vms_options
from pvc_cli.output.cells import flag_cell
from pvc_cli.zk import ZKHandler

_OF_VMS = ("VM", "TAG", "TYPE", "PROTECTED")
_OF_CLUSTER = ("TAG", "TYPE", "VMS")


@click.command("list")
@vms_options()
@list_options(*_OF_VMS, *_OF_CLUSTER, things="tags")
@pass_context
def command(context: Context, selection: Selection) -> None:
    """List the tags of VMs, or all tags of the cluster.

    Without VMs, show every tag and how many VMs have it. VMs are selected as in 'pvc vm start'.

    \b
    Examples:
      pvc vm tag list
      pvc vm tag list web-01 -o json
      pvc vm tag list -t pvchv1 -s start
    """
    of_vms = bool(selection.words) or selection.by_options
    names = named_vms(context, selection) if of_vms else []
    with connect_to_list(context) as handler:
        if of_vms:
            vms = listed_vms(context.output, handler, names, selection, "show")
            _list_of_vms(context, handler, vms, alone=is_one(*selection.words))
        else:
            _list_of_cluster(context, handler)


def _list_of_vms(context: Context, handler: ZKHandler, found: Sequence[VmRef], *, alone: bool) -> None:
    tags = read_tags(handler, [vm.uuid for vm in found])
    pairs = [(vm, tag) for vm in found for tag in tags.get(vm.uuid, ())]
    documents = [tags_document(vm, tags.get(vm.uuid, ())) for vm in found]
    show_records(
        context.output,
        pairs,
        documents=lambda _: documents[0] if alone else documents,
        names=for_each(lambda pair: pair[1].name),
        headers=_OF_VMS,
        rows=lambda pairs: [
            ((vm, tag), [vm.name, tag.name, tag.type, flag_cell(tag.protected, colours=("", "yellow"))])
            for vm, tag in pairs
        ],
        nothing="No tags." if found else "",
    )


def _list_of_cluster(context: Context, handler: ZKHandler) -> None:
    show_records(
        context.output,
        count_tags(handler),
        documents=for_each(lambda tag: tag._asdict()),
        names=for_each(lambda tag: tag.name),
        headers=_OF_CLUSTER,
        rows=rows_of(lambda tag: [tag.name, tag.type, tag.vms]),
        nothing="No tags.",
    )
