"""Whether a node's daemon still reports, and how far PVC is with fencing a dead one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Fencing = Literal["pending", "flushing", "failed", "fenced"]
DEAD = ("dead", "fenced")
"""What PVC marks a node's daemon as, once it no longer reports."""
_LATE = 60
"""After how many seconds without a keepalive a daemon seems dead; PVC fences after half as many by default."""
_RESET = "0"
"""What PVC sets the list of a dead node's running VMs to, once it has tried to fence the node."""
_WORDS: Mapping[Fencing, str] = {
    "pending": "PVC has not fenced it yet, so that its VMs may still run there",
    "flushing": "PVC {}, and is moving its VMs to other nodes",
    "failed": "PVC could not fence it, so that its VMs may still run there: power it off",
    "fenced": "PVC fenced it, so that its VMs no longer run there",
}


def silences(keepalives: Mapping[str, int | None]) -> dict[str, int]:
    """Return of the daemons that seem dead how many seconds before the others they sent their last keepalive.

    :param keepalives: of the daemons that should run, in seconds since 1970; None or 0 of one that sent none.
    """
    sent = {name: keepalive or 0 for name, keepalive in keepalives.items()}
    # The median: one clock that is ahead must not make all others late.
    usual = sorted(sent.values())[len(sent) // 2] if sent else 0
    return {name: usual - keepalive for name, keepalive in sent.items() if usual - keepalive > _LATE}


def fencing_of(daemon_state: str, domain_state: str, running_domains: str) -> Fencing | None:
    """Return how far PVC is with fencing a node, or None if it has no reason to.

    It marks a node as dead first, and waits half a minute for it to come back. Then it has the node powered off; only
    if that is confirmed is the node marked as fenced. It resets the node's figures in the end, whether it is or not.
    """
    if daemon_state not in DEAD:
        return None
    if domain_state == "fence-flush":
        return "flushing"
    if daemon_state == "fenced":
        return "fenced"
    return "failed" if running_domains.strip() == _RESET else "pending"


def fencing_text(fencing: Fencing, daemon_state: str) -> str:
    """Return in words how far PVC is with fencing a node."""
    return _WORDS[fencing].format("fenced it" if daemon_state == "fenced" else "could not fence it")
