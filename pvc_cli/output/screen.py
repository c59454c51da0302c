"""A terminal that shows some lines, and is redrawn where they change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

# What every terminal since the VT220, or xterm for the first pair, understands.
_OTHER_SCREEN, _OWN_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_CUT_LINES, _WRAP_LINES = "\x1b[?7l", "\x1b[?7h"
_CLEAR, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[2J", "\x1b[K", "\x1b[J"


class Screen:
    """A second screen over what the terminal *stream* shows; at the end of a ``with`` block it is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._size = os.terminal_size((0, 0))
        self._shown: list[str] = []

    def __enter__(self) -> Screen:
        self._write(_OTHER_SCREEN + _HIDE_CURSOR + _CUT_LINES)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_WRAP_LINES + _SHOW_CURSOR + _OWN_SCREEN)

    def draw(self, lines: Sequence[str]) -> None:
        """Show *lines*, writing only those that differ; what does not fit is counted in the last one."""
        size = os.get_terminal_size(self._stream.fileno())
        parts = []
        if size != self._size:
            self._size, self._shown = size, []
            parts.append(_CLEAR)
        fitting = list(lines)
        if len(fitting) > size.lines:
            fitting[size.lines - 1 :] = [f"… {len(fitting) - size.lines + 1} more lines"]
        for row, line in enumerate(fitting):
            if row >= len(self._shown) or self._shown[row] != line:
                parts.append(f"{_at(row)}{line}{_CLEAR_LINE}")
        if len(fitting) < len(self._shown):
            parts.append(_at(len(fitting)) + _CLEAR_BELOW)
        self._shown = fitting
        self._write("".join(parts))

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _at(row: int) -> str:
    return f"\x1b[{row + 1}H"
