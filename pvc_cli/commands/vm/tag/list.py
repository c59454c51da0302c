import click

from pvc_cli.cluster.documents import tags_document
from pvc_cli.cluster.vms.query import find, is_one
from pvc_cli.cluster.vms.tags import count_tags, read_tags
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.output.cells import flag_cell
from pvc_cli.zk import ZKHandler

_OF_VMS = ("VM", "TAG", "TYPE", "PROTECTED")
_OF_CLUSTER = ("TAG", "TYPE", "VMS")


@click.command("list")
@click.argument("vms", metavar="[VM]…", nargs=-1, shell_complete=complete.vms)
@list_options(*_OF_VMS, *_OF_CLUSTER, things="tags")
@pass_context
def command(context: Context, vms: tuple[str, ...]) -> None:
    """List the tags of VMs, or all tags of the cluster.

    Without VM, show every tag and how many VMs have it.

    \b
    Examples:
      pvc vm tag list
      pvc vm tag list web-01 -o json
    """
    names = context.names(vms)
    with connect_to_list(context) as handler:
        if vms:
            _list_of_vms(context, handler, names, alone=len(vms) == 1 and is_one(vms[0]))
        else:
            _list_of_cluster(context, handler)


def _list_of_vms(context: Context, handler: ZKHandler, names: list[str], *, alone: bool) -> None:
    found = find(handler, names)
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
        nothing="No tags.",
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
