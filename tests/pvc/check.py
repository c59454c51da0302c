"""PVC's check of the tree at every start of a daemon: it creates what its version has and the tree lacks."""

from __future__ import annotations

from collections.abc import Iterator

from kazoo.client import KazooClient

from pvc_cli.zk.schema import ZKSchema

_SUB_ITEMS = {"network.reservation": "reservation", "network.rule.in": "rule", "network.rule.out": "rule"}


def create_missing(client: KazooClient, version: int) -> list[str]:
    """Create what the tree lacks of *version*; return the paths."""
    created = []
    for path, value in _wanted(client, ZKSchema.at(version)):
        if not client.exists(path):
            client.create(path, value.encode())
            created.append(path)
    return created


def _wanted(client: KazooClient, schema: ZKSchema) -> Iterator[tuple[str, str]]:
    for key, definition in schema.keys_of("base"):
        if key != "base.root":
            yield definition.path, str(schema.version) if key == "base.schema.version" else ""
    for group, depth in (("node", 1), ("domain", 1), ("network", 1), ("osd", 1), ("pool", 1)):
        yield from _items(client, schema, group, depth)
    for group, depth in (("volume", 2), ("snapshot", 3)):
        yield from _items(client, schema, group, depth)


def _items(client: KazooClient, schema: ZKSchema, group: str, depth: int) -> Iterator[tuple[str, str]]:
    items = [schema.keys[f"base.{group}"].path]
    for _ in range(depth):
        items = [f"{top}/{name}" for top in items for name in client.get_children(top)]
    for item in items:
        for key, definition in schema.keys_of(group):
            yield f"{item}{definition.path}", "default" if key == "pool.tier" else ""
            if sub_group := _SUB_ITEMS.get(key):
                # The fault: it looks for the names of the keys, not for their paths.
                names = [name.partition(".")[2] for name, _ in schema.keys_of(sub_group)]
                for child in client.get_children(f"{item}{definition.path}"):
                    yield from ((f"{item}{definition.path}/{child}/{name}", "") for name in names)
