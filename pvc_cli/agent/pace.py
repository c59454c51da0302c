"""How soon to look at the cards when the kernel tells of something: at once, unless it tells all the time."""

import math
import time
from dataclasses import dataclass

_SETTLE = 0.05
"""Seconds to wait after an event: udev's work, and our own, come in bursts."""
_GAP = 0.3
"""Seconds between two looks at least."""
_LONG_GAP = 1.0
"""The same, once a burst is used up."""
_BURST = 60.0


@dataclass(slots=True)
class Pace:
    """Lets a burst of looks follow each other quickly, then fewer; who is silent for a while may have another burst.

    A driver that tells of changes for ever, or a program that fights the agent over a VF, costs a look a second.
    """

    _left: float = _BURST
    """How many looks of the burst are left."""
    _looked_at: float = -math.inf
    """When the last look began, on the monotonic clock."""

    def delay(self) -> float:
        """Return in how many seconds to look, after an event."""
        since = time.monotonic() - self._looked_at
        return max(_SETTLE, (_GAP if self._left + since / _LONG_GAP >= 1 else _LONG_GAP) - since)

    def look(self) -> None:
        """Note that a look begins."""
        now = time.monotonic()
        self._left = max(min(self._left + (now - self._looked_at) / _LONG_GAP, _BURST) - 1, 0.0)
        self._looked_at = now
