"""The agent's journal: one line per event, nothing twice, with priorities that systemd understands."""

import os
import select
import sys
from typing import Literal

from pvc_cli.errors import printable

Priority = Literal["warning", "notice", "info"]
_LEVELS = {"warning": 4, "notice": 5, "info": 6}  # as in sd-daemon(3)
_POLL_TIMEOUT = 1000
"""Milliseconds that a reader which has stopped reading is waited for, once."""


class Journal:
    """Writes to standard error; where that is systemd's journal, with a priority before each line.

    A line that cannot be written is dropped and counted: the cards matter more than what is said about them.
    """

    def __init__(self) -> None:
        self._marked = "JOURNAL_STREAM" in os.environ
        self._last: dict[str, str] = {}
        self._dropped = 0

    def write(self, text: str, priority: Priority = "info") -> None:
        """Write a line."""
        if self._dropped and self._send(f"{self._dropped} lines before this one could not be written", "warning"):
            self._dropped = 0
        if self._dropped or not self._send(text, priority):
            self._dropped += 1

    def write_once(self, topic: str, text: str, priority: Priority = "warning") -> None:
        """Write a line about *topic*, unless it is the last one written about it."""
        if self._last.get(topic) != text:
            self._last[topic] = text
            self.write(text, priority)

    def clear(self, topic: str) -> None:
        """Forget the last line about *topic*: the problem is gone, and worth a line if it returns."""
        self._last.pop(topic, None)

    def _send(self, text: str, priority: Priority) -> bool:
        """Write a line, past Python's buffer, which would keep a failed one; tell whether it was written."""
        mark = f"<{_LEVELS[priority]}>" if self._marked else "Warning: " if priority == "warning" else ""
        line = f"{mark}{printable(text)}\n"
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, ValueError):
            descriptor = None
        try:
            if descriptor is None:
                # A program that uses this library has replaced standard error.
                sys.stderr.write(line)
            else:
                poll = select.poll()
                poll.register(descriptor, select.POLLOUT)
                if not poll.poll(0 if self._dropped else _POLL_TIMEOUT):
                    return False
                os.write(descriptor, line.encode(errors="backslashreplace"))
        except (OSError, ValueError):
            return False
        return True
