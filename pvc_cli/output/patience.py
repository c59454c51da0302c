"""A sign of life where a command has said nothing for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_FIRST, _NEXT = 2.0, 1.0


class SignOfLife:
    """Calls *say*, in a thread, with the seconds that have passed: after two, then after each more."""

    def __init__(self, say: Callable[[int], object]) -> None:
        self._say = say
        self._begun = time.monotonic()
        self._ended = threading.Event()
        self._saying = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def end(self) -> None:
        """Say nothing more; when this returns, nothing is being said."""
        self._ended.set()
        with self._saying:
            pass

    def _run(self) -> None:
        wait = _FIRST
        while not self._ended.wait(wait):
            wait = _NEXT
            with self._saying:
                if not self._ended.is_set():
                    self._say(round(time.monotonic() - self._begun))
