import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.errors import InvalidInputError, NotFoundError, quoted
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
    if len(items) not in (0, 1, 3):
        raise InvalidInputError("expected KEY, KEY ITEM, or KEY ITEM KEY ITEM")
    if number is not None:
        schema = find_schema(number, context.schema_dir)
    else:
        with connect(context) as handler:
            schema = handler.schema
    found = schema.path((key, *items) if items else key)
    if found is None:
        names = (key, *items[1:2])
        missing = next((name for name in names if name not in schema.keys and name not in schema.groups), key)
        since, until = schema.since(missing), schema.until(missing)
        why = "no version has it; see 'pvc schema show --version N'" if since is None else f"added in {since}"
        why += f", removed in {until}" if until is not None else ""
        raise NotFoundError(f"schema version {schema.version} has no key {quoted(missing)}: {why}")
    context.output.show(
        lambda: {"key": key, "items": list(items), "version": schema.version, "path": found},
        names=lambda: [found],
        table=lambda: found,
    )
