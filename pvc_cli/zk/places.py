"""What a znode is: from its path back to its key, whatever the schema version."""

from __future__ import annotations

from typing import NamedTuple

from pvc_cli.zk.migration.pattern import Pattern, pattern_for
from pvc_cli.zk.schema import ZKSchema


class Place(NamedTuple):
    """What is at a path."""

    group: str
    """What kind of item it belongs to, as the schema calls it: `base` for the cluster's own, empty for strangers."""
    item: str
    """The name of that item; empty for the cluster's own."""
    top: str
    """The path of that item, or of what is a stranger's at the root."""
    words: tuple[str, ...]
    """The key: its name, or one or two pairs of a name and an item; empty for what no version has."""
    whole: bool
    """Whether it is an item or a sub-item itself, and not one of its keys."""


def locate(schema: ZKSchema, path: str) -> Place:
    """Return what is at *path* in any version that *schema* knows."""
    above = pattern_for(schema)
    place: Pattern | None = above
    pairs: list[tuple[str, str]] = []
    at, top, group, whole = "", "", "base", False
    for name in filter(None, path.split("/")):
        at, above = f"{at}/{name}", place or above
        place = place and (place.named.get(name) or place.items)
        if place is None and above.key == "base.root":
            return Place("", at[1:], at, (), whole=True)
        whole = place is not None and place is above.items
        if place is None or not whole:
            continue
        if above.key or not pairs:
            pairs.append((above.key, name))
        else:  # an item's name is several znodes
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}/{name}")
        if len(pairs) == 1:
            top, group = at, ZKSchema.group_of(_first_key(place))
    return Place(group, pairs[0][1] if pairs else "", top or "/", _words(place, pairs), whole)


def _first_key(place: Pattern) -> str:
    while not place.key and place.items:
        place = place.items
    return place.key


def _words(place: Pattern | None, pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    if place is None or not place.key:
        return ()
    if not pairs:
        return (place.key,)
    if len(pairs) == 1:
        return (place.key, pairs[0][1])
    (_, item), (container, name) = pairs
    return (container, item, place.key, name)
