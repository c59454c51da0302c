"""Hear single keys on the terminal of the process, while something is shown there."""

from __future__ import annotations

import os
import select
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_TERMINAL = "/dev/tty"
_ELSEWHERE = 0.5
"""How often to look whether the terminal is this process's again, in seconds."""


class Keyboard:
    """Calls *on_key* with each key pressed in a ``with`` block, in a thread of its own; keys are not shown.

    Keys that are signals stay so. Without a terminal, and while the process is in the background, nothing is heard.
    A shell tells no process that it comes to the front again: *on_front* is called then.
    """

    def __init__(self, on_key: Callable[[str], object], on_front: Callable[[], object]) -> None:
        self._on_key = on_key
        self._on_front = on_front
        self._terminal = -1
        self._usual: list[Any] | None = None
        self._taking = threading.RLock()
        self._due = False
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
        self._due = False
        with self._taking:
            usual, self._usual = self._usual, None
            if usual is not None and self._is_ours():
                # It may hang up at any moment.
                with suppress(termios.error):
                    termios.tcsetattr(self._terminal, termios.TCSADRAIN, usual)

    def resume(self) -> None:
        """Have the terminal give each key at once, as soon as it is this process's."""
        self._due = self._terminal >= 0
        self._take()

    def _take(self) -> bool:
        """Take the terminal if that is due, and it is this process's; tell whether it was taken now."""
        with self._taking, suppress(termios.error):
            if self._due and self._is_ours():
                self._usual = self._usual or termios.tcgetattr(self._terminal)
                wanted = list(self._usual)
                wanted[3] &= ~(termios.ICANON | termios.ECHO)
                termios.tcsetattr(self._terminal, termios.TCSADRAIN, wanted)
                self._due = False
                return True
        return False

    def _is_ours(self) -> bool:
        """Tell whether the process is in the foreground: another one is stopped where it touches the terminal."""
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:
            return False

    def _listen(self) -> None:
        while True:
            if self._take():
                self._on_front()
            heard = [self._woken, self._terminal] if self._is_ours() else [self._woken]
            ready, _, _ = select.select(heard, [], [], _ELSEWHERE)
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
