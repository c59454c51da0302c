"""The agent's journal: one line per event, nothing twice, with priorities that systemd understands."""

import os
import sys
from typing import Literal

from pvc_cli.errors import printable

Priority = Literal["warning", "notice", "info"]
_LEVELS = {"warning": 4, "notice": 5, "info": 6}  # as in sd-daemon(3)


class Journal:
    """Writes to standard error; where that is systemd's journal, with a priority before each line."""

    def __init__(self) -> None:
        self._marked = "JOURNAL_STREAM" in os.environ
        self._last: dict[str, str] = {}

    def write(self, text: str, priority: Priority = "info") -> None:
        """Write a line."""
        mark = f"<{_LEVELS[priority]}>" if self._marked else "Warning: " if priority == "warning" else ""
        print(f"{mark}{printable(text)}", file=sys.stderr, flush=True)

    def write_once(self, topic: str, text: str, priority: Priority = "warning") -> None:
        """Write a line about *topic*, unless it is the last one written about it."""
        if self._last.get(topic) != text:
            self._last[topic] = text
            self.write(text, priority)

    def clear(self, topic: str) -> None:
        """Forget the last line about *topic*: the problem is gone, and worth a line if it returns."""
        self._last.pop(topic, None)
