"""Read the schema versions that come with pvc: one small JSON file each, saying only what it changes.

JSON, as YAML would cost every command on a cluster a tenth of its time.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pvc_cli.errors import SchemaError

_FILE_NAME = re.compile(r"(\d+)\.json")


class Group(NamedTuple):
    """A kind of item: its znodes are children of one `base` key, or of some keys of another kind of item."""

    base: str | None = None
    """The key whose children the items are; None for a group of sub-items."""
    depth: int = 1
    """How many znode names make up one item: 1, or 2 for POOL/VOLUME, 3 for POOL/VOLUME/SNAPSHOT."""
    under: tuple[str, ...] = ()
    """For sub-items: the keys whose children they are."""


class Definition(NamedTuple):
    """What one key of the schema is."""

    path: str
    """The whole path of a `base` key; else what follows the item's own path, empty for the item itself."""
    default: str = ""
    """The value that the key gets where it is created on an existing item."""


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """What one version of the schema changes, against the one before it."""

    number: int
    summary: str
    groups: Mapping[str, Group] = field(default_factory=dict)
    add: Mapping[str, Definition] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    move: Mapping[str, str] = field(default_factory=dict)
    """Keys that get another path, with that path: their znodes move, values and all."""


Versions = tuple[Version, ...]
"""Versions in order, each at the index that is its number."""


@cache
def versions() -> Versions:
    """Return all versions that this pvc knows, oldest first; a version's number is its index.

    :raises SchemaError: if a number is missing between the first and the last.
    """
    found: dict[int, Version] = {}
    for file in Path(__file__).with_name("versions").iterdir():
        if match := _FILE_NAME.fullmatch(file.name):
            number = int(match.group(1))
            found[number] = _parse(number, json.loads(file.read_bytes()))
    if sorted(found) != list(range(len(found))):
        raise SchemaError("a schema version's file is missing: install pvc again")
    return tuple(found[number] for number in range(len(found)))


def _parse(number: int, document: Mapping[str, Any]) -> Version:
    """Turn one version's file into a :class:`Version`."""
    return Version(
        number=number,
        summary=document["summary"],
        groups={
            name: Group(given.get("base"), given.get("depth", 1), tuple(given.get("under", ())))
            for name, given in document.get("groups", {}).items()
        },
        add={
            key: Definition(given) if isinstance(given, str) else Definition(given["path"], given["default"])
            for key, given in document.get("add", {}).items()
        },
        remove=tuple(document.get("remove", ())),
        move=document.get("move", {}),
    )
