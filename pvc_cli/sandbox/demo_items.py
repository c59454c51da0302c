"""The keys of one item of the demo cluster."""

from collections.abc import Iterator, Mapping

from pvc_cli.zk import Key, ZKSchema

Pairs = Iterator[tuple[Key, str]]


def item(
    schema: ZKSchema, group: str, name: str, values: Mapping[str, str], under: tuple[str, str] | None = None
) -> Pairs:
    """Yield every key that *schema* gives an item, with its value from *values* or its default."""
    for key, definition in schema.keys_of(group):
        yield (*(under or ()), key, name), values.get(key, definition.default)
