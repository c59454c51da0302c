"""The shape of a tree, over all schema versions at once: which znode is what, and in which version it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pvc_cli.zk.schema import ZKSchema

WRITTEN_WHOLE = frozenset({"sriov_pf", "sriov_vf", "monitoring_plugin", "logs", "faults"})
"""Groups whose items are written whole by the daemon that owns them: what they lack is its to add."""
SUB_ITEMS = WRITTEN_WHOLE | {"tag", "domain_snapshot", "reservation", "lease", "rule"}
"""Groups whose items come and go as a whole."""


@dataclass(slots=True)
class Pattern:
    """One place in the tree, for every znode that can be there."""

    key: str = ""
    """The key whose znode this is; empty for what is only part of an item's name."""
    sub_path: str = ""
    """The key's path below its item, or its whole path for a `base` key."""
    default: str = ""
    present: bool = False
    """Whether the target version has it."""
    daemons: bool = False
    """Whether it belongs to an item that a daemon writes whole."""
    named: dict[str, Pattern] = field(default_factory=dict)
    """Children by their fixed names."""
    items: Pattern | None = None
    """What a child with any other name is, if there can be one."""

    def missing(self, path: str) -> Iterator[tuple[str, Pattern]]:
        """Yield what the target version needs below *path* where nothing is there yet, parents first."""
        for name, child in self.named.items():
            if child.present:
                yield f"{path}/{name}", child
                yield from child.missing(f"{path}/{name}")

    def at(self, path: str) -> Pattern | None:
        """Return the pattern of what is at *path* below this one; None for what no version has."""
        place: Pattern | None = self
        for name in filter(None, path.split("/")):
            place = place and (place.named.get(name) or place.items)
        return place

    def any_key(self) -> Iterator[str]:
        """Yield the keys of this place and of all below it."""
        yield self.key
        for child in (*self.named.values(), *((self.items,) if self.items else ())):
            yield from child.any_key()

    def child(self, name: str) -> Pattern:
        """Return the pattern of the child with a fixed name, made where there is none yet."""
        return self.named.setdefault(name, Pattern(daemons=self.daemons))


@lru_cache(maxsize=64)
def pattern_for(target: ZKSchema) -> Pattern:
    """Return the pattern of the whole tree: all versions that are known, with *target* marked as present."""
    root = Pattern(key="base.root", present=True)
    for version in target.known:
        if version.number != target.version:
            _add(root, ZKSchema.at(version.number, target.known), present=False)
    # Last, so that the target's own defaults and keys prevail where several versions share a path.
    _add(root, target, present=True)
    return root


def _add(root: Pattern, schema: ZKSchema, *, present: bool) -> None:
    """Add one version's keys to *root*."""
    places: dict[str, Pattern] = {}
    for key, definition in schema.keys_of("base"):
        places[key] = _descend(root, definition.path, present=present)
        _mark(places[key], key, definition.path, definition.default, present=present)
    # A group of sub-items comes after the group that its container key belongs to.
    for name, group in sorted(schema.groups.items(), key=lambda pair: bool(pair[1].under)):
        for parent in (group.base,) if group.base else group.under:
            if parent not in places:
                continue
            item = places[parent]
            for _ in range(group.depth):
                item.items = item.items or Pattern(daemons=item.daemons or name in WRITTEN_WHOLE)
                item = item.items
                item.present |= present
            for key, definition in schema.keys_of(name):
                places[key] = _descend(item, definition.path, present=present)
                _mark(places[key], key, definition.path, definition.default, present=present)


def _descend(place: Pattern, path: str, *, present: bool) -> Pattern:
    for name in filter(None, path.split("/")):
        place = place.child(name)
        place.present |= present
    return place


def _mark(place: Pattern, key: str, sub_path: str, default: str, *, present: bool) -> None:
    place.key, place.sub_path, place.default = key, sub_path, default
    place.present |= present
