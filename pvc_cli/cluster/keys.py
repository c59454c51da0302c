"""Single keys: set one, and find the items whose key has a value."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from pvc_cli.cluster.controls import Control, Plan, decide
from pvc_cli.cluster.values import natural_key
from pvc_cli.errors import NotFoundError, RefusedError, quoted, quoted_whole
from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.schema import is_secret

_VERSION = "base.schema.version"


def plan_set(key: Key, path: str, value: str) -> Plan[str]:
    """Return the plan that gives *key*, at *path*, its value, for :func:`pvc_cli.cluster.controls.control`.

    :raises RefusedError: for the schema version, by which every key is found.
    """
    if key == _VERSION:
        raise RefusedError("cannot set the schema version alone: use 'pvc schema upgrade' or 'pvc schema rollback'")

    def plan(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
        found, item = handler.get_znodes([key, owner_of(key)])
        if found is None and item is None:
            raise NotFoundError(f"cannot set {path}: there is no such item")
        secret = is_secret(path)
        was = "created" if found is None else "set" if secret else f"set, was {quoted_whole(found.text)}"
        return [decide(handler.transaction(), name, [(key, found, value)], was, "has this value") for name in names]

    return plan


def owner_of(key: Key) -> Key:
    """Return the key of what has to be there before *key* may be created: half of an item must not come back."""
    if isinstance(key, str):
        return "base.root"
    *above, last, name = key
    return (*above, last.partition(".")[0], name)


class FoundKey(NamedTuple):
    """A key with its value, and where it is."""

    key: Key
    path: str
    value: str

    @property
    def words(self) -> tuple[str, ...]:
        """The key as words of a command line."""
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)


def find_keys(handler: ZKHandler, name: str, pattern: str = "*") -> list[FoundKey]:
    """Return the key *name* of every item that has it, where its value matches the glob *pattern*.

    It takes one batch a level. Secrets match nothing but ``*``.

    :raises NotFoundError: if the schema version has no such key.
    """
    schema = handler.schema
    if name not in schema.keys and name not in schema.groups:
        raise NotFoundError(
            f"schema version {schema.version} has no key {quoted(name)}: see 'pvc schema show --version'"
        )
    keys = [name] if name.startswith("base.") else list(_of_items(handler, name))
    found = zip(keys, schema.paths(keys), handler.read_many(keys), strict=True)
    return [
        FoundKey(key, path, value)
        for key, path, value in found
        if path is not None and value is not None and (pattern == "*" or not is_secret(path))
        if fnmatchcase(value, pattern)
    ]


def _of_items(handler: ZKHandler, name: str) -> Iterator[Key]:
    """Yield the key *name* of every item of its group, sorted."""
    group = handler.schema.groups[handler.schema.group_of(name)]
    if group.base:
        return ((name, item) for item in _items(handler, group.base, handler.schema.group_of(name), group.depth))
    return _of_sub_items(handler, name, group.under)


def _of_sub_items(handler: ZKHandler, name: str, containers: Sequence[str]) -> Iterator[Key]:
    for container in containers:
        if container not in handler.schema.keys:
            continue
        parents = [key[1] for key in _of_items(handler, container)]
        children = handler.children_many((container, parent) for parent in parents)
        for parent, names in zip(parents, children, strict=True):
            yield from ((container, parent, name, child) for child in sorted(names or (), key=natural_key))


def _items(handler: ZKHandler, base: str, group: str, depth: int) -> list[str]:
    """Return the names of all items of a group, level by level."""
    items = sorted(handler.children(base) or [], key=natural_key)
    for _ in range(depth - 1):
        found = handler.children_many((group, item) for item in items)
        items = [f"{item}/{name}" for item, names in zip(items, found, strict=True) for name in sorted(names or ())]
    return items
