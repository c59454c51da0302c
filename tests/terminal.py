"""A program on a pseudo-terminal, seen and typed into as by a person."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import time


class Terminal:
    """Runs *command* on a terminal 80 columns wide."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execvpe(command[0], command, environment)
        self.seen = ""

    def type(self, text: str) -> None:
        """Send *text* as if typed."""
        os.write(self._terminal, text.encode())

    def wait_for(self, text: str, timeout: float = 15) -> None:
        """Read what is shown until *text* is in it."""
        until = time.monotonic() + timeout
        while text not in self.seen:
            left = until - time.monotonic()
            assert left > 0, f"{text!r} was never shown, but {self.seen[-2000:]!r}"
            if select.select([self._terminal], [], [], left)[0]:
                self.seen += os.read(self._terminal, 65536).decode(errors="replace")

    def wait_for_end(self) -> int:
        """Read the rest of what is shown, and return the program's exit code."""
        with contextlib.suppress(OSError):  # how a terminal says that its last user is gone
            while data := os.read(self._terminal, 65536):
                self.seen += data.decode(errors="replace")
        return self.close()

    def close(self) -> int:
        """Hang up, and return the program's exit code."""
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
