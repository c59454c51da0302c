"""A terminal that shows some lines, and is redrawn where they change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from pvc_cli.output.terminal import in_background

# What every terminal since the VT220, or xterm for the first pair, understands.
_OTHER_SCREEN, _OWN_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_CUT_LINES, _WRAP_LINES = "\x1b[?7l", "\x1b[?7h"
_CLEAR, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[2J", "\x1b[K", "\x1b[J"
_USUAL_LINES = 24


class Screen:
    """A second screen over what the terminal *stream* shows; at the end of a ``with`` block it is gone.

    In the background, nothing is drawn: the next :meth:`draw` in the foreground draws everything.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._size = os.terminal_size((0, 0))
        self._shown: list[str] = []
        self._stale = True
        self._busy = False
        self._taken = False

    def __enter__(self) -> Screen:
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def suspend(self) -> bool:
        """Show the terminal as it was before; False if it is being drawn: call it again then.

        A signal's handler may call this at any time, and :meth:`resume`, too.
        """
        if self._busy:
            return False
        self._leave()
        return True

    def resume(self) -> None:
        """Take the terminal again; the next :meth:`draw` draws everything."""
        self._taken = False
        if not self._busy:
            self._take()

    def draw(self, lines: Sequence[str], notes: Sequence[str] = ()) -> None:
        """Show *lines* and *notes* below them, writing only what differs; lines that do not fit are counted."""
        self._busy = True
        try:
            if self._take():
                self._draw(lines, notes)
        finally:
            self._busy = False

    def _draw(self, lines: Sequence[str], notes: Sequence[str]) -> None:
        size = os.get_terminal_size(self._stream.fileno())
        parts = []
        if size != self._size or self._stale:
            self._size, self._shown, self._stale = size, [], False
            parts.append(_CLEAR)
        fitting = _fit(lines, notes, size.lines or _USUAL_LINES)
        for row, line in enumerate(fitting):
            if row >= len(self._shown) or self._shown[row] != line:
                # Cleared first: behind a whole line the cursor stays on its last character, and would clear that.
                parts.append(f"{_at(row)}{_CLEAR_LINE}{line}")
        if len(fitting) < len(self._shown):
            parts.append(_at(len(fitting)) + _CLEAR_BELOW)
        self._shown = fitting
        self._write("".join(parts))

    def _take(self) -> bool:
        """Take the terminal, unless that is done; tell whether it is this process's."""
        if in_background(self._stream):
            return False
        if not self._taken:
            self._taken = self._stale = True
            self._write(_OTHER_SCREEN + _HIDE_CURSOR + _CUT_LINES)
        return True

    def _leave(self) -> None:
        if self._taken:
            self._taken = False
            self._write(_WRAP_LINES + _SHOW_CURSOR + _OWN_SCREEN)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _fit(lines: Sequence[str], notes: Sequence[str], height: int) -> list[str]:
    """Return what fits of *lines*, the first of them at the top, and of *notes* below them."""
    notes = notes[: height // 2]
    room = height - len(notes)
    fitting = list(lines)
    if len(fitting) > room:
        fitting[room - 1 :] = [f"… {len(fitting) - room + 1} more lines"]
    return [*fitting, *notes]


def _at(row: int) -> str:
    return f"\x1b[{row + 1}H"
