"""How an item differs: what is told of it, and what people call it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pvc_cli.zk.places import Place
from pvc_cli.zk.schema import MASK, is_secret

_KINDS = {"base": "cluster", "domain": "vm", "faults": "fault", "logs": "log", "": "other"}
"""What people call groups that the schema calls otherwise."""
_ORDER = (
    "cluster",
    "node",
    "pf",
    "vf",
    "vm",
    "network",
    "osd",
    "pool",
    "volume",
    "snapshot",
    "fault",
    "log",
    "other",
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}
"""The order in which kinds are told; those that a newer schema brings come last."""


class KeyDifference(NamedTuple):
    """A key whose value differs; None where a tree lacks it."""

    words: tuple[str, ...]
    """The key as words of a command line; none for what no schema version has."""
    path: str
    before: str | None
    after: str | None
    whole: bool
    """Whether it is an item itself, such as a tag."""


class ItemDifference(NamedTuple):
    """A VM, a node or another thing that differs."""

    kind: str
    name: str
    id: str | None
    """What the tree calls it: a VM's UUID, a network's VNI; None for the cluster."""
    status: Literal["added", "removed", "changed"]
    changes: tuple[KeyDifference, ...]


def is_shown(change: KeyDifference) -> bool:
    """Tell whether the values of a change may be told apart by who sees them: those of masked secrets may not."""
    return not (is_secret(change.path) and MASK in (change.before, change.after))


def kind_of(place: Place) -> str:
    """Return what people call the kind of item that *place* is of."""
    return _KINDS.get(place.group, place.group)


def rank_of(kind: str) -> tuple[int, str]:
    """Return what kinds are sorted by."""
    return _RANK.get(kind, len(_ORDER)), kind


def name_of(place: Place, value: str) -> str:
    """Return what people call an item: a VM's or network's name is its value."""
    if place.group == "base":
        return "cluster"
    return value if place.group in ("domain", "network") and value else place.item or place.top


def status_of(top: str, changes: tuple[KeyDifference, ...]) -> Literal["added", "removed", "changed"]:
    """Return what became of the item at *top*, of which *changes* are sorted by path."""
    first = changes[0]
    if first.path != top or not first.whole or None not in (first.before, first.after):
        return "changed"
    return "added" if first.before is None else "removed"
