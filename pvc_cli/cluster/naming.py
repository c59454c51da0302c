"""Tell planned changes by the names of what they change, instead of by paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pvc_cli.cluster.difference_model import ItemDifference, KeyDifference, kind_of, name_of, rank_of, status_of
from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.values import natural_key
from pvc_cli.errors import InvalidItemError
from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.places import Place, locate
from pvc_cli.zk.secrets import mask
from pvc_cli.zk.undo import Changed, Thing, planned

_CARD_PARTS = {"sriov_pf": "pf", "sriov_vf": "vf"}
"""What a node has that people name by itself: pvchv1/ens1f0v0."""
_KINDS = {"domain": "VM", "osd": "OSD", "sriov_pf": "PF", "sriov_vf": "VF"}
_USER = ("sriov_vf.used_by",)


def name_parts(handler: ZKHandler, parts: Iterable[Part]) -> list[ItemDifference]:
    """Return what *parts* would change, by item; what they do not tell of it is read, in two batches."""
    ops = [op for part in parts for op in part.transaction.ops]
    return name_changes(handler, planned(handler.store, ops))


def name_changes(handler: ZKHandler, changes: Sequence[Changed]) -> list[ItemDifference]:
    """Return *changes* by item, without secrets: nodes, VMs and all else by name."""
    return list(name_by_place(handler, changes).values())


def name_by_place(
    handler: ZKHandler, changes: Sequence[Changed], *, secrets: bool = False
) -> dict[str, ItemDifference]:
    """Return *changes* by the path of the item that each is of, sorted by kind and name.

    :param secrets: tell secrets.
    """
    found: dict[str, list[KeyDifference]] = {}
    places: dict[str, Place] = {}
    for change in sorted(changes):
        place = place_of(handler, change.path)
        places.setdefault(place.top, place)
        found.setdefault(place.top, []).append(
            KeyDifference(
                place.words,
                change.path,
                _text(change, change.before, secrets=secrets),
                _text(change, change.after, secrets=secrets),
                place.whole,
            )
        )
    things = {change.thing.path: change.thing for change in changes if change.thing}
    names = _names(handler, places.values(), found, things)
    items = {}
    for top, place in places.items():
        keys = tuple(_without_uuids(handler, key, names) for key in found[top])
        own = next((key.before or key.after or "" for key in keys if key.path == top), "")
        kind = _CARD_PARTS.get(place.group) or kind_of(place)
        name = place.item if place.group in _CARD_PARTS else name_of(place, own or names.get(top, ""))
        items[top] = ItemDifference(kind, name, place.item or None, status_of(top, keys), keys)
    return dict(sorted(items.items(), key=lambda pair: _order(pair[1])))


def _order(item: ItemDifference) -> tuple[object, ...]:
    return rank_of(item.kind), natural_key(item.name), item.id or ""


def place_of(handler: ZKHandler, path: str) -> Place:
    """Return what is at *path*; a node's PF or VF is an item by itself."""
    return _on_card(locate(handler.schema, path))


def _without_uuids(handler: ZKHandler, change: KeyDifference, names: Mapping[str, str]) -> KeyDifference:
    """Return a change with the names of VMs in place of their UUIDs."""
    if change.words[-2:-1] != _USER:
        return change
    before, after = (value and names.get(_path(handler, ("domain", value)) or "", value) for value in change[2:4])
    return change._replace(before=before, after=after)


def _on_card(place: Place) -> Place:
    """Return a place of a node's PF or VF as one of that itself."""
    if len(place.words) < 4:
        return place
    _, node, key, name = place.words
    group = key.partition(".")[0]
    if group not in _CARD_PARTS:
        return place
    top = f"{place.top}/sriov/{group.removeprefix('sriov_')}/{name}"
    return Place(group, f"{node}/{name}", top, (key, name), place.whole)


def _text(change: Changed, value: bytes | None, *, secrets: bool) -> str | None:
    if value is None:
        return None
    return (value if secrets else mask(change.path, value)).decode("utf-8", "replace")


def _names(
    handler: ZKHandler,
    places: Iterable[Place],
    found: Mapping[str, Sequence[KeyDifference]],
    things: Mapping[str, Thing],
) -> dict[str, str]:
    """Return the names of VMs and networks, by path, as far as the tree has them, in one batch.

    :param things: what they were when they were changed: so is called what is gone, or another one now.
    """
    keys: list[Key] = [(place.group, place.item) for place in places if place.group in ("domain", "network")]
    users = {
        value
        for changes in found.values()
        for key in changes
        if key.words[-2:-1] == _USER
        for value in key[2:4]
        if value
    }
    keys += [("domain", str(uuid)) for uuid in users]
    paths = {path: key for key in keys if (path := _path(handler, key))}
    names = {}
    for path, znode in zip(paths, handler.get_znodes(paths.values()), strict=True):
        then = things.get(path)
        if znode and (then is None or then.is_still(znode)):
            names[path] = znode.text
        elif then:
            names[path] = then.value.decode(errors="replace")
    return names


def _path(handler: ZKHandler, key: Key) -> str | None:
    try:
        return handler.schema.path(key)
    except InvalidItemError:
        return None


def label_of(handler: ZKHandler, path: str) -> str:
    """Return what people call what is at *path*, in the thing that it is of."""
    place = locate(handler.schema, path)
    if not place.words:
        return path
    if place.words[-2:-1] == ("domain.meta.tags",):
        return "the list of its tags"
    if place.group == "network":
        return f"the description of network {place.item}"
    group, _, key = place.words[-2 if len(place.words) > 1 else 0].partition(".")
    if len(place.words) < 4:
        return f"the {_KINDS.get(place.group, place.group)} itself" if place.whole else key
    return f"{group} {place.words[-1]}" if place.whole else f"{group} {place.words[-1]} {key}"
