"""What nobody may see who did not ask for it: the nodes' IPMI passwords."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pvc_cli.zk import Change, ZKSchema

MASK = "********"
"""What stands in a secret's place."""
SECRET = "node.ipmi.password"  # noqa: S105 - the name of the key, not a password


def is_secret(path: str) -> bool:
    """Tell whether what lies at *path* is a secret, at any schema version."""
    parts = path.split("/")
    return len(parts) == 4 and path == ZKSchema.at(0).path((SECRET, parts[2] or "?"))


def masked(changes: Iterable[Change]) -> list[Change]:
    """Return *changes* with a mask in place of every secret that is not empty."""
    return [replace(c, value=MASK) if c.value and is_secret(c.path) else c for c in changes]
