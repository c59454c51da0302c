"""A program on a pseudo-terminal, seen and typed into as by a person."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time


class Terminal:
    """Runs *command* on a terminal 80 columns wide."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            # Whoever runs the suite in the background ignores these, and what is run here would inherit that.
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe(command[0], command, environment)
        self.seen = ""

    def resize(self, lines: int, columns: int) -> None:
        """Make the terminal another size; the program is told."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

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

    def wait_for_end(self, timeout: float = 60) -> int:
        """Read the rest of what is shown, and return the program's exit code."""
        until = time.monotonic() + timeout
        with contextlib.suppress(OSError):  # how a terminal says that its last user is gone
            while select.select([self._terminal], [], [], max(until - time.monotonic(), 0))[0]:
                self.seen += os.read(self._terminal, 65536).decode(errors="replace")
        if time.monotonic() >= until:
            os.kill(self.process, signal.SIGKILL)
        return self.close()

    def close(self) -> int:
        """Hang up, and return the program's exit code."""
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
