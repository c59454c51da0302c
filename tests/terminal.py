"""A program on a pseudo-terminal, seen and typed into as by a person."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path


class Terminal:
    """Runs *command* on a terminal of 24 lines."""

    def __init__(self, command: list[str], environment: dict[str, str], *, columns: int = 80) -> None:
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
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

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C once the program waits for an answer: a hair's breadth before, Python would sleep over it."""
        stat = Path(f"/proc/{self.process}/stat")
        until = time.monotonic() + 15
        while time.monotonic() < until:
            time.sleep(0.2)
            if stat.read_text().rpartition(") ")[2].startswith("S"):
                break
        self.type("\x03")

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


class Tmux:
    """A shell in tmux: what a person would see, drawn by a real terminal emulator."""

    def __init__(self, environment: dict[str, str], *, columns: int = 80, lines: int = 24) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pvc-tmux-")
        self._socket = str(Path(self._folder.name) / "socket")
        words = [f"{name}={value}" for name, value in environment.items()]
        shell = shlex.join(["env", "-i", *words, "TERM=screen", "PS1=ready> ", "bash", "--norc", "--noprofile", "-i"])
        size = ("-x", str(columns), "-y", str(lines))
        self._run("-f", "/dev/null", "new-session", "-d", *size, shell)
        self.wait_for("ready>")

    def type(self, *keys: str) -> None:
        """Press *keys*, in tmux's words, or type texts."""
        self._run("send-keys", *keys)

    def shown(self) -> list[str]:
        """Return the lines that are on the screen, without the empty ones at its end."""
        return self._run("capture-pane", "-p").rstrip("\n").split("\n")

    def on_other_screen(self) -> bool:
        """Tell whether a program has taken the whole terminal for a while."""
        return self._run("display-message", "-p", "#{alternate_on}").strip() == "1"

    def as_shells_have_it(self) -> bool:
        """Tell whether the terminal shows its own screen and the cursor, and wraps lines."""
        return self._run("display-message", "-p", "#{alternate_on} #{cursor_flag} #{wrap_flag}").split() == list(
            "011"
        )

    def wait_for(self, text: str, timeout: float = 20) -> None:
        """Wait until *text* is on the screen."""
        until = time.monotonic() + timeout
        while text not in "\n".join(self.shown()):
            assert time.monotonic() < until, f"{text!r} was never shown, but {self.shown()}"
            time.sleep(0.05)

    def close(self) -> None:
        """End the shell, and tmux with it."""
        self._run("kill-server")
        self._folder.cleanup()

    def _run(self, *words: str) -> str:
        command = ["tmux", "-u", "-S", self._socket, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
