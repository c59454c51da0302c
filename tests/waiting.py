"""Wait for what is bound to happen, and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable

_INTERVAL = 0.005


def fastest(action: Callable[[], object], below: float) -> float:
    """Return how many seconds *action* takes, where it can be *below* so many: a busy machine gets three tries."""
    times: list[float] = []
    while len(times) < 3 and min(times, default=below) >= below:
        started = time.monotonic()
        action()
        times.append(time.monotonic() - started)
    return min(times)


def wait_until(met: Callable[[], bool], seconds: float = 15, why: Callable[[], str] = lambda: "") -> None:
    """Wait until *met* is true; fail, saying *why*, where it is not within *seconds*."""
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, why()
        time.sleep(_INTERVAL)
