"""Values that PVC has to be able to parse: it leaves out, without a word, a VM that has another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pvc_cli.zk.store import Znode

_BOOLEANS = frozenset({"y", "yes", "t", "true", "on", "1", "n", "no", "f", "false", "off", "0"})


class Invalid(NamedTuple):
    """A value that PVC cannot parse, at *path*; *repair* is what to set it to, None if nobody can know."""

    path: str
    znode: Znode
    repair: str | None


def _is_boolean(text: str) -> bool:
    return text.lower() in _BOOLEANS


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_xml(text: str) -> bool:
    # Imported here: most migrations check no VM.
    from xml.parsers import expat

    try:
        expat.ParserCreate().Parse(text, True)
    except (expat.ExpatError, ValueError):
        return False
    return True


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "domain.meta.autostart": _is_boolean,
    "domain.xml": _is_xml,
    "domain_snapshot.timestamp": _is_number,
    "tag.protected": _is_boolean,
}
"""For each key that such a value may be of, what tells whether PVC can parse one."""


def invalid(key: str, path: str, znode: Znode, default: str) -> Invalid | None:
    """Return what is wrong with the value of *key* at *path*, None if PVC can parse it."""
    if CHECKS[key](znode.text):
        return None
    return Invalid(path, znode, default or None)
