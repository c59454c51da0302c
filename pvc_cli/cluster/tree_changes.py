"""Tell the planned changes of a whole tree by the names of what they change, however many znodes these are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from pvc_cli.cluster.difference_model import ItemDifference
from pvc_cli.cluster.naming import name_by_place, place_of
from pvc_cli.zk import Change, ZKHandler
from pvc_cli.zk.places import locate
from pvc_cli.zk.undo import Changed, read_written

_AT_ONCE = 1_000
_LONGEST = 200
"""The longest value, in bytes, that may be told of; of a longer one, only the beginning is kept."""


def name_tree(
    handler: ZKHandler, changes: Iterable[Change], *, values: bool = True, secrets: bool = False
) -> dict[str, ItemDifference]:
    """Return what *changes* of a tree change, by the paths of the items, sorted by kind and name.

    Of an item that comes or goes whole, nothing is kept but that.

    :param values: read the values before, too.
    :param secrets: tell secrets.
    """
    found = _by_item(handler, changes)
    every = (change for own in found.values() for change in own)
    return name_by_place(handler, list(_with_values(handler, every) if values else every), secrets=secrets)


def item_of(handler: ZKHandler, path: str, items: Mapping[str, ItemDifference]) -> str:
    """Return the path of the one of *items*, as :func:`name_tree` has them, that a change at *path* is of."""
    top = locate(handler.schema, path).top
    return top if _is_whole(items.get(top)) else place_of(handler, path).top


def _is_whole(item: ItemDifference | None) -> bool:
    return item is not None and item.status != "changed"


def _by_item(handler: ZKHandler, changes: Iterable[Change]) -> dict[str, list[Changed]]:
    """Return *changes* by the path of the item that each is of; values before are not known yet."""
    found: dict[str, list[Changed]] = {}
    whole: set[str] = set()
    created = "\n"
    for change in changes:
        if change.path.startswith(created):
            continue
        place = locate(handler.schema, change.path)
        if place.top in whole:
            continue
        if place.whole and change.path == place.top and change.action in ("create", "delete"):
            # What is deleted below it came before it.
            found[place.top] = []
            whole.add(place.top)
            if change.action == "create":
                created = f"{place.top}/"
        found.setdefault(place.top, []).append(_changed(change))
    return found


def _changed(change: Change) -> Changed:
    if change.to is not None:  # its places tell, its value stays
        return Changed(change.path, change.path.encode(), change.to.encode())
    value = (change.value or "").encode("utf-8", "replace")[:_LONGEST]
    before = None if change.action == "create" else b""
    return Changed(change.path, before, None if change.action == "delete" else value)


def _with_values(handler: ZKHandler, changes: Iterable[Changed]) -> Iterator[Changed]:
    """Yield *changes* with the values before them."""
    rest = iter(changes)
    while some := list(islice(rest, _AT_ONCE)):
        paths = [change.path for change in some if change.before == b""]
        found = read_written(handler.store, paths) if paths else {}
        for change in some:
            znode = found.get(change.path)
            yield change._replace(before=znode.data[:_LONGEST]) if znode else change
