import click

from pvc_cli.cluster.values import natural_key
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context
from pvc_cli.commands._common.keys import check_key, resolve, with_uuid
from pvc_cli.commands._common.listing import list_options, rows_of, show_records
from pvc_cli.errors import NotFoundError

_HEADERS = ("NAME",)


@click.command("list")
@click.argument("words", metavar="KEY [ITEM…]", nargs=-1, required=True, shell_complete=complete.keys)
@list_options(*_HEADERS, things="children")
@pass_context
def command(context: Context, words: tuple[str, ...]) -> None:
    """List what is below a key.

    \b
    Examples:
      pvc key list base.node
      pvc key list node.sriov.vf pvchv1
    """
    check_key(words)
    with connect_to_list(context) as handler:
        key, path = resolve(handler.schema, with_uuid(handler, words))
        found = handler.children(key)
    if found is None:
        raise NotFoundError(f"there is no {path}")
    names = sorted(found, key=natural_key)
    show_records(
        context.output,
        names,
        documents=lambda names: {"key": list(words), "path": path, "children": names},
        names=lambda names: names,
        headers=_HEADERS,
        rows=rows_of(lambda name: [name]),
        nothing=f"Nothing is below {path}.",
    )
