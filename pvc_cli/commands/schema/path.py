import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.keys import check_key, require_uuid, resolve, with_uuid
from pvc_cli.zk.schema import find_schema


@click.command("path")
@click.argument("key")
@click.argument("items", metavar="[ITEM…]", nargs=-1)
@click.option("--version", "number", type=int, metavar="N", help="Use this schema version; needs no cluster.")
@output_option
@pass_context
def command(context: Context, key: str, items: tuple[str, ...], number: int | None) -> None:
    """Show the path of a key.

    For a key below another one, use KEY ITEM KEY ITEM.

    \b
    Examples:
      pvc schema path base.config.maintenance
      pvc schema path domain.meta.tags web-01 tag.type blue
    """
    check_key((key, *items))
    if number is not None:
        schema = find_schema(number, context.schema_dir)
        _, found = resolve(schema, (key, *items))
        require_uuid(schema, (key, *items))
    else:
        with connect(context) as handler:
            schema = handler.schema
            items = tuple(with_uuid(handler, (key, *items))[1:])
            _, found = resolve(schema, (key, *items))
    context.output.show(
        lambda: {"key": key, "items": list(items), "version": schema.version, "path": found},
        names=lambda: [found],
        table=lambda: found,
    )
