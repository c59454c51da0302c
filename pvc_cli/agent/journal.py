"""The agent's log: one line an event, nothing said twice, with priorities that the system's journal understands."""

from __future__ import annotations

import os
import sys
from typing import Literal

from pvc_cli.errors import printable

Priority = Literal["warning", "notice", "info"]
_LEVELS = {"warning": 4, "notice": 5, "info": 6}  # syslog's


class Journal:
    """Writes to standard error; where that is the journal, with sd-daemon's priority in front of each line."""

    def __init__(self) -> None:
        self._marked = "JOURNAL_STREAM" in os.environ
        self._last: dict[str, str] = {}

    def say(self, text: str, priority: Priority = "info") -> None:
        """Log a line."""
        mark = f"<{_LEVELS[priority]}>" if self._marked else "Warning: " if priority == "warning" else ""
        print(f"{mark}{printable(text)}", file=sys.stderr, flush=True)

    def once(self, topic: str, text: str, priority: Priority = "warning") -> None:
        """Log a line about *topic*, unless the same was said of it last."""
        if self._last.get(topic) != text:
            self._last[topic] = text
            self.say(text, priority)

    def settle(self, topic: str) -> None:
        """Forget what was said of *topic*: it is well again, and worth a line when it is not."""
        self._last.pop(topic, None)
