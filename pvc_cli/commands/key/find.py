import click

from pvc_cli.cluster.keys import find_keys
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, secrets_option
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.zk.schema import MASK, is_secret

_HEADERS = ("KEY", "VALUE")


@click.command("find")
@click.argument("key", shell_complete=complete.keys)
@click.argument("value", default="*")
@secrets_option
@list_options(*_HEADERS, things="items")
@pass_context
def command(context: Context, key: str, value: str, secrets: bool) -> None:
    """Find the items whose key has a value.

    VALUE is a pattern in quotes; without it, all items that have the key are listed. What -o name prints is what
    'pvc key get' takes.

    \b
    Examples:
      pvc key find domain.state fail
      pvc key find tag.protected True
      pvc key find node.data.pvc_version '1.0.*' -o json
    """
    output = context.output
    with connect_to_list(context) as handler:
        found = find_keys(handler, key, value)
    shown = [one._replace(value=MASK) if one.value and is_secret(one.path) and not secrets else one for one in found]
    show_records(
        output,
        shown,
        documents=for_each(lambda one: {"key": list(one.words), "path": one.path, "value": one.value}),
        names=for_each(lambda one: " ".join(one.words)),
        headers=_HEADERS,
        rows=rows_of(lambda one: [" ".join(one.words), one.value]),
        nothing="No item matches.",
    )
