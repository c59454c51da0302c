"""What differs between two schema versions, key by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pvc_cli.zk.schema.model import ZKSchema


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key that one version has and the other lacks, or has elsewhere; *path* is where it is, or was."""

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
