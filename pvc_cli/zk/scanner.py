"""Read JSON strings from a stream, without the whole of it in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TextIO

_PIECE = 1 << 20
_ESCAPE = len("\\u0000")
_scan: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]


class Scanner:
    """The tokens of a JSON document, one at a time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._at = 0
        self._dropped = self._lines = 0
        self.cut = False
        """Whether the text ended where it had to go on."""

    @property
    def place(self) -> str:
        """Where the scanner is."""
        line = self._lines + self._text.count("\n", 0, self._at) + 1
        return f"line {line}, character {self._dropped + self._at}"

    def next(self) -> str:
        """Return the next character that is not white space, and go behind it; empty at the end."""
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                self._at += 1
                if character not in " \t\r\n":
                    return character
            if not self._read():
                self.cut = True
                return ""

    def string(self, mark: str) -> str:
        """Return the string that *mark* begins, and go behind it.

        :raises ValueError: if it begins none, or has no end.
        """
        if mark != '"':
            raise ValueError(f"expected a string, found {mark or 'the end'}")
        while True:
            try:
                text, end = _scan(self._text, self._at)
            except json.JSONDecodeError as error:
                # It may only go on in the next piece.
                if not self._read():
                    self.cut = error.msg.startswith("Unterminated") or error.pos + _ESCAPE >= len(self._text)
                    self._at = len(self._text) if self.cut else error.pos + 1
                    raise
            else:
                self._at = end
                return text

    def _read(self) -> bool:
        """Read as much again as is left, and drop what is behind; return whether there was more."""
        left = self._text[self._at :]
        self._dropped += self._at
        self._lines += self._text.count("\n", 0, self._at)
        piece = self._stream.read(max(_PIECE, len(left)))
        self._text, self._at = left + piece, 0
        return bool(piece)
