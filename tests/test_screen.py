"""The second screen, on a pseudo-terminal: what is written to it, and what a person sees then."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from pvc_cli.output.screen import Screen

BEGIN, END = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
CLEAR, CLEAR_LINE, CLEAR_BELOW = "\x1b[2J", "\x1b[K", "\x1b[J"


class Viewer:
    """Whoever sits before the terminal; *stream* is what a program writes to."""

    def __init__(self, stream: TextIO, terminal: int) -> None:
        self.stream = stream
        self._terminal = terminal
        self.rows: dict[int, str] = {}

    def resize(self, lines: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 40, 0, 0))

    def written(self) -> str:
        """What came since the last time; it is on the screen then."""
        os.write(self.stream.fileno(), b"\0")
        text = b""
        while not text.endswith(b"\0"):
            text += os.read(self._terminal, 65536)
        written = text.decode().rstrip("\0")
        at = 0
        for row, kind, line in re.findall(r"\x1b\[(\d*)([HJK])([^\x1b]*)", written.replace(CLEAR, "\x1b[J")):
            if kind == "H":
                at = int(row or 1)
            elif kind == "K":
                self.rows[at] = line
            elif kind == "J":
                self.rows = {number: line for number, line in self.rows.items() if number < at}
        return written

    def seen(self) -> list[str]:
        self.written()
        return [line for _, line in sorted(self.rows.items())]


@pytest.fixture
def viewer() -> Iterator[Viewer]:
    terminal, program = pty.openpty()
    with os.fdopen(program, "w", encoding="utf-8") as stream:
        viewer = Viewer(stream, terminal)
        viewer.resize(6)
        yield viewer
    os.close(terminal)


def test_it_begins_on_another_screen_and_ends_on_the_one_that_was_there(viewer: Viewer) -> None:
    with contextlib.suppress(KeyboardInterrupt), Screen(viewer.stream):
        assert viewer.written() == BEGIN
        raise KeyboardInterrupt
    assert viewer.written() == END


def test_lines_are_shown_and_of_others_only_those_are_written_that_differ(viewer: Viewer) -> None:
    with Screen(viewer.stream) as screen:
        screen.draw(["one", "two", "three"])
        assert viewer.seen() == ["one", "two", "three"]
        screen.draw(["one", "zwei", "three"])
        assert viewer.written() == f"\x1b[2H{CLEAR_LINE}zwei"
        screen.draw(["one", "zwei", "three"])
        assert viewer.written() == ""
        assert viewer.seen() == ["one", "zwei", "three"]


def test_what_is_not_there_any_more_goes(viewer: Viewer) -> None:
    with Screen(viewer.stream) as screen:
        screen.draw(["one", "two", "three"])
        assert len(viewer.seen()) == 3
        screen.draw(["one"])
        assert viewer.written() == f"\x1b[2H{CLEAR_BELOW}"
        screen.draw([])
        assert viewer.written() == f"\x1b[1H{CLEAR_BELOW}"
        screen.draw(["one", "two"])
        assert viewer.seen() == ["one", "two"]


@pytest.mark.parametrize(
    ("count", "shown"),
    [(6, "1 2 3 4 5 6"), (7, "1 2 3 4 5 … 2 more lines"), (300, "1 2 3 4 5 … 295 more lines")],
)
def test_what_does_not_fit_is_counted_in_the_last_line(viewer: Viewer, count: int, shown: str) -> None:
    with Screen(viewer.stream) as screen:
        screen.draw([str(number) for number in range(1, count + 1)])
        assert " ".join(viewer.seen()) == shown


def test_another_size_is_drawn_anew(viewer: Viewer) -> None:
    lines = [str(number) for number in range(1, 9)]
    with Screen(viewer.stream) as screen:
        screen.draw(lines)
        assert viewer.seen()[-1] == "… 3 more lines"
        viewer.resize(8)
        screen.draw(lines)
        assert viewer.written().startswith(CLEAR)
        assert viewer.seen() == lines


def test_notes_stay_visible_below_a_list_that_does_not_fit(viewer: Viewer) -> None:
    with Screen(viewer.stream) as screen:
        screen.draw(["NAME", *"abcdefg"], ["7 things", "a warning"])
        assert viewer.seen() == ["NAME", "a", "b", "… 5 more lines", "7 things", "a warning"]


def test_after_a_suspension_everything_is_drawn_anew(viewer: Viewer) -> None:
    with Screen(viewer.stream) as screen:
        screen.draw(["one", "two"])
        viewer.written()
        assert screen.suspend()
        assert viewer.written() == END
        screen.resume()
        assert viewer.written() == BEGIN
        screen.draw(["one", "two"])
        assert viewer.written() == f"{CLEAR}\x1b[1H{CLEAR_LINE}one\x1b[2H{CLEAR_LINE}two"


def test_a_terminal_that_does_not_know_its_size_shows_what_usually_fits(viewer: Viewer) -> None:
    viewer.resize(0)
    with Screen(viewer.stream) as screen:
        screen.draw([str(number) for number in range(1, 31)])
        assert viewer.seen()[-1] == "… 7 more lines"
