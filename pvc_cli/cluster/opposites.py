"""Name the command that undoes what daemons act on at once: to write the old value is not to undo that."""

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_STATE, _NODE, _LAST_NODE = "domain.state", "domain.node", "domain.last_node"
_NODE_STATE, _PRIMARY = "node.state.domain", "base.config.primary_node"
ACTED_ON = (_STATE, _NODE, _LAST_NODE, _NODE_STATE, _PRIMARY)
"""The keys that daemons act on."""
_NOBODY = ("", "none")
"""What the primary is called if there is none."""
_MOST = 20
"""So many names are written into a command at most."""
_OFF = ("stop", "disable", "fail")
_TO_STATE = {
    "start": ("pvc vm start", _OFF),
    "stop": ("pvc vm stop", ("disable",)),
    "disable": ("pvc vm disable", ("start", "stop", "fail")),
}
"""Which command leads back to a state, and from where."""
_TO_NODE_STATE = {"flush": "pvc node ready", "unflush": "pvc node flush"}


class Opposite(NamedTuple):
    """What daemons may have acted on of a thing, and the command that undoes it; empty if there is none."""

    what: str
    command: str = ""
    options: str = ""
    """What follows the names."""
    names: bool = True
    """Whether the command takes names: only one node is the primary, whatever has changed."""
    was: str = ""
    """What it was, if there is no command."""
    key: str = ""
    """The key that daemons may have acted on."""
    before: str = ""
    """Its value before."""

    def why(self, names: Sequence[str], entry: str) -> str:
        """Return why the things called *names*, which the *entry* of the history changed, are not undone.

        And what to do: one line to copy, with the names, or where they are from.
        """
        acted = f"daemons may have acted on {self.what}"
        many = self.names and len(names) > _MOST
        was = shlex.quote(f"{self.key}={self.before}")
        source = f"pvc history show {entry} --was {was} -o name | " if many else ""
        of = f" {'-' if many else shlex.quote(','.join(names))}" if self.names else ""
        if not self.command:
            look = f"{source}pvc vm info{of}" if self.names else "pvc node list"
            return f"{acted}, which was {self.was or 'empty'}: see '{look}'"
        return f"{acted}: run '{source}{self.command}{of}{self.options}'"


def opposite_of(changes: Mapping[str, tuple[str, str]]) -> Opposite:
    """Return what undoes *changes* of one thing: the values before and after of keys of :data:`ACTED_ON`.

    :param changes: at least one.
    """
    key = next(key for key in (_PRIMARY, _NODE_STATE, _NODE, _STATE, _LAST_NODE) if key in changes)
    return _opposite(changes)._replace(key=key, before=changes[key][0])


def _opposite(changes: Mapping[str, tuple[str, str]]) -> Opposite:
    if _PRIMARY in changes:
        before, after = changes[_PRIMARY]
        if before not in _NOBODY:
            return Opposite("it", f"pvc node primary {shlex.quote(before)}", names=False)
        command = "" if after in _NOBODY else f"pvc node secondary {shlex.quote(after)}"
        return Opposite("it", command, names=False, was="" if command else before)
    if _NODE_STATE in changes:
        before, after = changes[_NODE_STATE]
        command = _TO_NODE_STATE.get(after) or ("pvc node flush" if before.startswith("flush") else "pvc node ready")
        return Opposite("the domain state", command)
    if _NODE in changes:
        return _move_back(*changes[_NODE], changes.get(_LAST_NODE))
    if _STATE not in changes:
        return Opposite("the last node", was=changes[_LAST_NODE][0])
    before, after = changes[_STATE]
    if before in _OFF and after == "start" and before != "disable":
        return Opposite("the state", "pvc vm shutdown")
    command, of = _TO_STATE.get(before, ("", ()))
    # One that is told to shut down is started once it is down.
    return Opposite("the state", command if after in (*of, "shutdown") else "", was=before)


def _move_back(before: str, after: str, last: tuple[str, str] | None) -> Opposite:
    """Return what moves a VM from the node *after* back to *before*.

    :param last: where it was to be moved back to, before and after, if that changed.
    """
    if not before:
        return Opposite("the node")
    if last and last[1] == before:
        return Opposite("the node", "pvc vm unmigrate")
    way = "migrate" if last and last[0] == after else "move"
    return Opposite("the node", f"pvc vm {way}", f" -t {shlex.quote(before)}")
