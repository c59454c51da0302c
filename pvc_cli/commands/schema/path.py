import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.keys import check_key, resolve
from pvc_cli.zk.schema import find_schema


@click.command("path")
@click.argument("key")
@click.argument("items", metavar="[ITEM…]", nargs=-1)
@click.option("--version", "number", type=int, metavar="N", help="Use this version; needs no cluster.")
@output_option
@pass_context
def command(context: Context, key: str, items: tuple[str, ...], number: int | None) -> None:
    """Show the path of a key.

    For a key below another one, use KEY ITEM KEY ITEM.

    \b
    Examples:
      pvc schema path base.config.maintenance
      pvc schema path domain.meta.tags 3c8f3a7e-6a2c-4f6e-9d8a-0f4b1c2d3e4f tag.type blue
    """
    check_key((key, *items))
    if number is not None:
        schema = find_schema(number, context.schema_dir)
    else:
        with connect(context) as handler:
            schema = handler.schema
    _, found = resolve(schema, (key, *items))
    context.output.show(
        lambda: {"key": key, "items": list(items), "version": schema.version, "path": found},
        names=lambda: [found],
        table=lambda: found,
    )
