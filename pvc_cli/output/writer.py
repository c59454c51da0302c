"""Show results: tables for people; JSON, YAML and plain names for programs. Messages go to standard error.

Nothing that comes from a cluster reaches a terminal unescaped: tables, names and messages go through
:func:`~pvc_cli.errors.printable`, JSON and YAML escape all that is not ASCII.

What makes tables, documents and screens is imported where it is used: no command needs all of it, and the start of
every one would pay for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pvc_cli.errors import printable

if TYPE_CHECKING:
    from pvc_cli.output.prometheus import Family
    from pvc_cli.output.screen import Screen

Format = Literal["table", "json", "json-pretty", "yaml", "name", "prometheus"]
Document = Mapping[str, Any]
_COLOURS = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34}


class Cell(NamedTuple):
    """A table's cell that has a colour where colours are shown."""

    text: str
    colour: str = ""


Row = Sequence[str | Cell]


def known(value: object) -> str:
    """Return *value* as text, and a question mark for None: what the cluster does not say."""
    return "?" if value is None else str(value)


class Output:
    """Where a command's results and messages go.

    :param colour: whether tables have colour; None leaves it to the terminal.
    :param quiet: drop messages; results and errors stay.
    """

    def __init__(self, *, colour: bool | None = None, quiet: bool = False) -> None:
        self._colour = sys.stdout.isatty() if colour is None else colour
        self.quiet = quiet
        self.style: Format = "table"
        """The format of results."""
        self._screen: Screen | None = None
        self._lines: list[str] = []
        self._waits = False

    def message(self, text: str) -> None:
        """Say *text* on standard error, escaped, unless quiet is wanted."""
        if not self.quiet:
            self._say(text)

    def waiting(self, text: str) -> None:
        """Say what is waited for: on a terminal in one line that counts down, elsewhere once."""
        if self.quiet or (self._waits and not sys.stderr.isatty()):
            return
        if sys.stderr.isatty():
            print(f"\r\x1b[K{printable(text)}", end="", file=sys.stderr, flush=True)
        else:
            print(printable(text), file=sys.stderr)
        self._waits = True

    def end_wait(self) -> None:
        """Clear the line that says what was waited for."""
        if self._waits and sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        self._waits = False

    def warning(self, text: str) -> None:
        """Say *text* on standard error, escaped, even if quiet is wanted."""
        self._say(f"Warning: {text}")

    def error(self, text: str) -> None:
        """Say *text* on standard error, escaped, as an error."""
        self._say(f"Error: {text}")

    def _say(self, text: str) -> None:
        if self._screen:
            self._lines.append(printable(text))
        else:
            self.end_wait()
            print(printable(text), file=sys.stderr)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within a ``with`` block, gather tables and messages, and draw them anew at each :meth:`refresh`.

        That is for tables on a terminal; all else is printed as ever.
        """
        if self.style != "table" or not sys.stdout.isatty():
            yield
            return
        from pvc_cli.output.screen import Screen

        with Screen(sys.stdout) as screen:
            self._screen = screen
            try:
                yield
            finally:
                self._screen = None

    def refresh(self) -> None:
        """Draw what was gathered since the last time; elsewhere, hand on what was printed."""
        lines, self._lines = self._lines, []
        if self._screen:
            self._screen.draw(lines)
        else:
            sys.stdout.flush()

    def show(
        self,
        document: Callable[[], Document | Iterable[Document]],
        *,
        names: Callable[[], Iterable[str]],
        table: Callable[[], str],
        metrics: Callable[[], Iterable[Family]] = tuple,
    ) -> None:
        """Print a result in the requested format; only that one is made.

        Documents come out one by one, as they are made; a list of none is a list, too.

        :param metrics: for a command that offers Prometheus' format.
        """
        if self.style == "table":
            pieces: Iterable[str] = (f"{text}\n" for text in [table()] if text)
        elif self.style == "name":
            pieces = (f"{printable(name)}\n" for name in names())
        elif self.style == "prometheus":
            from pvc_cli.output.prometheus import render_metrics

            pieces = render_metrics(metrics())
        else:
            from pvc_cli.output.formats import serialise

            pieces = serialise(document(), self.style)
        if self._screen:
            self._lines += "".join(pieces).splitlines()
        else:
            sys.stdout.writelines(pieces)

    def table(self, headers: Sequence[str], rows: Sequence[Row], *, wrap: int | None = None) -> str:
        """Return a table of *rows*, cut to the terminal's width; empty if there are none.

        :param wrap: the column that goes on in further lines instead of being cut.
        """
        from pvc_cli.output.tables import render_table

        return render_table(headers, rows, self.paint, wrap=wrap) if rows else ""

    def fields(self, pairs: Iterable[tuple[str, str | Cell]]) -> str:
        """Return lines of a name and a value each, for one thing's details."""
        lines = [(name, value if isinstance(value, Cell) else Cell(value)) for name, value in pairs]
        width = max(len(name) for name, _ in lines) + 2
        return "\n".join(
            self.paint(f"{name}:".ljust(width), "bold") + self.paint(printable(value.text), value.colour)
            for name, value in lines
        )

    def paint(self, text: str, colour: str) -> str:
        """Return *text* in a colour, where colours are shown."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour and colour and text else text
