"""The schema of a PVC tree at one version: which keys there are, and what path each one has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple

from pvc_cli.errors import InvalidItemError, InvalidKeyError, SchemaError, quoted
from pvc_cli.zk.names import check_item
from pvc_cli.zk.schema.definition import Definition, Group, Versions, versions

_MOST_DIGITS = 9
_SECRET = "node.ipmi.password"  # noqa: S105 - the name of the key, not a password
MASK = "********"
"""Shown in place of a secret."""
Key = str | tuple[str, ...]
"""Names a znode: ``"base.config.maintenance"``, ``("domain.state", uuid)``, or
``("domain.meta.tags", uuid, "tag.type", tag)``. A bare group name stands for the item itself."""


def parse_version(text: str) -> int | None:
    """Return the schema version in *text*: 0 if it is empty, None if it is invalid."""
    text = text.strip()
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


class ZKSchema:
    """The keys of one schema version, and the only place where a path is made.

    :param version: which version; the newest that is known if not given.
    :param known: the versions that are known; those that come with pvc if not given.
    :raises SchemaError: if the version is not known.
    """

    def __init__(self, version: int | None = None, known: Versions | None = None) -> None:
        self.known: Versions = versions() if known is None else known
        newest = len(self.known) - 1
        self.version: int = newest if version is None else version
        if not 0 <= self.version <= newest:
            raise SchemaError(
                f"schema version {self.version} is not known: this pvc knows 0 to {newest}"
                + (
                    ": upgrade pvc, or name the definitions of a newer PVC with --schema-dir"
                    if self.version > 0
                    else ""
                )
            )
        keys: dict[str, Definition] = {}
        groups: dict[str, Group] = {}
        for step in self.known[: self.version + 1]:
            groups.update(step.groups)
            keys.update(step.add)
            keys.update({key: keys[key]._replace(path=path) for key, path in step.move.items()})
            for gone in step.remove:
                del keys[gone]
        self.keys: Mapping[str, Definition] = keys
        """Every key of this version, `base` and sub-item keys included."""
        self.groups: Mapping[str, Group] = groups
        """Every kind of item of this version; `base` is none."""
        ordered = sorted(keys.items(), key=lambda pair: pair[1].path)
        self._by_group = {
            group: tuple(pair for pair in ordered if self.group_of(pair[0]) == group) for group in ("base", *groups)
        }
        self._sub_items = {
            (parent, name): keys[name].path if name in keys else ""
            for name in (*keys, *groups)
            if (group := groups.get(self.group_of(name)))
            for parent in group.under
        }
        self._items = {name: self._template(name) for name in (*keys, *groups) if self._is_item(name)}

    @staticmethod
    @cache
    def at(version: int, known: Versions | None = None) -> ZKSchema:
        """Return the schema of *version*, made once and shared: a schema never changes."""
        return ZKSchema(version, known)

    @staticmethod
    def newest() -> int:
        """Return the newest version that comes with pvc."""
        return len(versions()) - 1

    def since(self, key: str) -> int | None:
        """Return the version that added *key*, or None if no known version has it."""
        return next((v.number for v in self.known if key in v.add or key in v.groups), None)

    def until(self, key: str) -> int | None:
        """Return the version that removed *key*, or None if none did."""
        return next((v.number for v in self.known if key in v.remove), None)

    def require(self, key: str, what: str) -> None:
        """Check that this version has *key*.

        :param what: what needs it, with its verb: ``tags need``.
        :raises SchemaError: if it has not.
        """
        if key not in self.keys:
            raise SchemaError(
                f"{what} schema version {self.since(key)}, and this cluster has {self.version}: run"
                " 'pvc schema upgrade' once all its nodes know that version (see 'pvc schema show')"
            )

    def path(self, key: Key) -> str | None:
        """Return the path of *key*, or None if this version of the schema has no such key.

        :raises InvalidItemError: if an item's name cannot be one znode (as many as the group is deep).
        :raises InvalidKeyError: if the version has the key, but not with that many items, or not there.
        """
        if isinstance(key, str):
            return self._base_path(key)
        if len(key) == 2:
            return self._item_path(*key)
        if len(key) == 4:
            return self._sub_item_path(*key)
        if len(key) == 1:
            return self._base_path(*key)
        raise InvalidKeyError(f"{key!r} is not a key: expected a name, or one or two pairs of a name and an item")

    def paths(self, keys: Iterable[Key]) -> list[str | None]:
        """Return the path of each of *keys*, as :meth:`path` does, but fast: a listing has a hundred thousand.

        :raises InvalidItemError: like :meth:`path`.
        :raises InvalidKeyError: like :meth:`path`.
        """
        paths: list[str | None] = []
        add, items = paths.append, self._items
        checked: object = paths
        for key in keys:
            template = items.get(key[0]) if len(key) == 2 else None
            if template and template[1] == 1:
                # Keys come item by item, and so one check is enough for many.
                if key[1] is not checked:
                    checked = check_item(key[1])
                add(f"{template[0]}{key[1]}{template[2]}")
            else:
                add(self.path(key))
        return paths

    def paths_of_each(self, items: Iterable[str], names: Sequence[str]) -> list[str | None]:
        """Return the path of each of the keys *names* of each of *items*, item by item: the fastest way.

        :raises InvalidItemError: like :meth:`path`.
        :raises InvalidKeyError: like :meth:`path`.
        """
        templates = [self._items.get(name) for name in names]
        if any(template is None or template[1] != 1 for template in templates):
            return self.paths((name, item) for item in items for name in names)
        affixes = [(template[0], template[2]) for template in templates if template]
        return [f"{prefix}{item}{suffix}" for item in map(check_item, items) for prefix, suffix in affixes]

    def _base_path(self, name: str) -> str | None:
        definition = self.keys.get(name)
        if name.startswith("base.") or (definition is None and name not in self.groups):
            return definition.path if definition else None
        raise InvalidKeyError(f"key {quoted(name)} needs an item: name a {self.group_of(name)}")

    def _item_path(self, name: str, item: str) -> str | None:
        template = self._items.get(name)
        if template is None:
            self._refuse_misplaced(name)
            return None
        prefix, depth, suffix = template
        if depth == 1:
            return f"{prefix}{check_item(item)}{suffix}"
        return f"{prefix}{_check_deep_item(item, depth, whole=bool(suffix) or '.' in name)}{suffix}"

    def _sub_item_path(self, name: str, item: str, sub_name: str, sub_item: str) -> str | None:
        parent = self._item_path(name, item)
        suffix = self._sub_items.get((name, sub_name))
        if parent is None:
            return None
        if suffix is None:
            known = sub_name in self.keys or sub_name in self.groups
            if known and self.group_of(sub_name) in self.groups:
                raise InvalidKeyError(f"key {quoted(sub_name)} cannot be below {quoted(name)}")
            return None
        return f"{parent}/{check_item(sub_item)}{suffix}"

    def _refuse_misplaced(self, name: str) -> None:
        """Raise if *name* is a key of this version that no item of its own has; a key it lacks is None."""
        if name in self.keys or name in self.groups:
            if name.startswith("base."):
                raise InvalidKeyError(f"key {quoted(name)} takes no item")
            above = " or ".join(self.groups[self.group_of(name)].under)
            raise InvalidKeyError(f"key {quoted(name)} needs a parent item: give {above} and its item before it")

    def _is_item(self, name: str) -> bool:
        group = self.groups.get(self.group_of(name))
        return group is not None and group.base is not None

    def _template(self, name: str) -> tuple[str, int, str]:
        """Return what comes before an item's name, how many names it has, and what comes after."""
        group = self.groups[self.group_of(name)]
        base = self.keys[group.base or ""]
        suffix = self.keys[name].path if name in self.keys else ""
        return f"{base.path}/", group.depth, suffix

    def keys_of(self, group: str) -> tuple[tuple[str, Definition], ...]:
        """Return every key of *group* with its definition, parents before their children."""
        return self._by_group.get(group, ())

    @staticmethod
    def group_of(name: str) -> str:
        """Return the group of the key *name*: what comes before its first dot."""
        return name.partition(".")[0]


def _check_deep_item(item: str, depth: int, *, whole: bool) -> str:
    """Check an item whose name is several znodes; a bare group may have a part of them."""
    names = item.split("/")
    if len(names) > depth or (whole and len(names) != depth):
        raise InvalidItemError(f"{quoted(item)} is not a valid item: expected {depth} names separated by /")
    for name in names:
        check_item(name)
    return item


def is_secret(path: str) -> bool:
    """Tell whether *path* holds a secret, at any version: a node's IPMI password."""
    parts = path.split("/")
    return len(parts) == 4 and path == ZKSchema.at(0).path((_SECRET, parts[2] or "?"))


@cache
def pvcs_roots() -> frozenset[str]:
    """Return the names of all root znodes that any version has."""
    schemas = (ZKSchema.at(0), ZKSchema())
    return frozenset(d.path.split("/")[1] for schema in schemas for _, d in schema.keys_of("base"))


@cache
def container_names() -> frozenset[str]:
    """Return the last names of the znodes that have items as children, in any version."""
    paths: set[str] = set()
    for schema in (ZKSchema.at(0), ZKSchema()):
        for group in schema.groups.values():
            for parent in filter(None, (group.base, *group.under)):
                definition = schema.keys.get(parent)
                paths.add(definition.path if definition else "")
    return frozenset(path.rpartition("/")[2] for path in paths) - {""}


class KeyChange(NamedTuple):
    """A key that only one of two versions has, or that moved; *path* is where it is, or was."""

    kind: Literal["added", "removed", "moved"]
    key: str
    path: str
    default: str


def diff(old: ZKSchema, new: ZKSchema) -> tuple[KeyChange, ...]:
    """Return what *new* changes against *old*, sorted by key."""
    changes = [KeyChange("added", key, d.path, d.default) for key, d in new.keys.items() if key not in old.keys]
    changes += [KeyChange("removed", key, d.path, d.default) for key, d in old.keys.items() if key not in new.keys]
    changes += [
        KeyChange("moved", key, d.path, d.default)
        for key, d in new.keys.items()
        if key in old.keys and old.keys[key].path != d.path
    ]
    return tuple(sorted(changes, key=lambda change: change.key))
