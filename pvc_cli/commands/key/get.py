import click

from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context, secrets_option
from pvc_cli.commands._common.keys import check_key, resolve, with_uuid
from pvc_cli.errors import NotFoundError
from pvc_cli.zk.schema import MASK, is_secret


@click.command("get")
@click.argument("words", metavar="KEY [ITEM…]", nargs=-1, required=True, shell_complete=complete.keys)
@secrets_option
@output_option
@pass_context
def command(context: Context, words: tuple[str, ...], secrets: bool) -> None:
    """Print the value of a key.

    For a key below another one, use KEY ITEM KEY ITEM.

    \b
    Examples:
      pvc key get base.config.primary_node
      pvc key get node.state.daemon pvchv1
    """
    check_key(words)
    with connect(context) as handler:
        key, path = resolve(handler.schema, with_uuid(handler, words))
        value = handler.read(key)
    if value is None:
        raise NotFoundError(f"there is no {path}: see 'pvc key list'")
    shown = MASK if value and is_secret(path) and not secrets else value
    context.output.show(
        lambda: {"key": list(words), "path": path, "value": shown}, names=lambda: [shown], table=lambda: shown
    )
