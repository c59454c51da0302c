"""Hear single keys on the terminal of the process, while something is shown there."""

from __future__ import annotations

import os
import select
import termios
import threading
from collections.abc import Callable
from typing import Any

_TERMINAL = "/dev/tty"
_ELSEWHERE = 0.5
"""How often to look whether the terminal is this process's again, in seconds."""


class Keyboard:
    """Calls *on_key* with each key pressed in a ``with`` block, in a thread of its own; keys are not shown.

    Ctrl-C and Ctrl-Z stay signals. Without a terminal, and while the process is in the background, nothing is heard.
    """

    def __init__(self, on_key: Callable[[str], object]) -> None:
        self._on_key = on_key
        self._terminal = -1
        self._usual: list[Any] | None = None
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Keyboard:
        """Begin to listen."""
        try:
            self._terminal = os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            return self
        self.resume()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back as it was."""
        os.close(self._wake)
        if self._terminal >= 0:
            self._thread.join()
            self.suspend()
            os.close(self._terminal)
        os.close(self._woken)

    def suspend(self) -> None:
        """Have the terminal as it was before; a signal's handler may call this, and :meth:`resume`, too."""
        if self._usual is not None and self._is_ours():
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._usual)
            self._usual = None

    def resume(self) -> None:
        """Have the terminal give each key at once."""
        if self._terminal < 0 or self._usual is not None or not self._is_ours():
            return
        usual = termios.tcgetattr(self._terminal)
        wanted = list(usual)
        wanted[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, wanted)
        self._usual = usual

    def _is_ours(self) -> bool:
        """Tell whether the process is in the foreground: another one is stopped where it touches the terminal."""
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:
            return False

    def _listen(self) -> None:
        while True:
            ours = self._is_ours()
            heard = [self._woken, self._terminal] if ours else [self._woken]
            ready, _, _ = select.select(heard, [], [], None if ours else _ELSEWHERE)
            if self._woken in ready:
                return
            if self._terminal not in ready or not self._is_ours():
                continue
            try:
                keys = os.read(self._terminal, 64)
            except OSError:
                return
            if not keys:
                return
            for key in keys.decode(errors="replace"):
                self._on_key(key)
