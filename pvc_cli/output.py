"""Show results: tables for people; JSON, YAML and plain names for programs. Messages go to standard error.

Nothing that comes from a cluster reaches a terminal unescaped: tables, names and messages go through
:func:`~pvc_cli.errors.printable`, JSON and YAML escape all that is not ASCII.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pvc_cli.errors import printable

if TYPE_CHECKING:
    from pvc_cli.screen import Screen

Format = Literal["table", "json", "json-pretty", "yaml", "name"]
Document = Mapping[str, Any]
_COLOURS = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34}
_NARROWEST = 8


@dataclass(frozen=True, slots=True)
class Cell:
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
        self._screen: Screen | None = None
        self._lines: list[str] = []

    def message(self, text: str) -> None:
        """Say *text* on standard error, escaped, unless quiet is wanted."""
        if not self.quiet:
            self._say(text)

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
            print(printable(text), file=sys.stderr)

    @contextmanager
    def in_place(self, style: Format) -> Iterator[None]:
        """Within a ``with`` block, gather tables and messages, and draw them anew at each :meth:`refresh`.

        That is for tables on a terminal; all else is printed as ever.
        """
        if style != "table" or not sys.stdout.isatty():
            yield
            return
        # Imported here, like all that few commands need.
        from pvc_cli.screen import Screen

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
        style: Format,
        document: Callable[[], Document | Iterable[Document]],
        *,
        names: Callable[[], Iterable[str]],
        table: Callable[[], str],
    ) -> None:
        """Print a result in the format that was asked for; only that one is made.

        Documents come out one by one, as they are made; a list of none is a list, too.
        """
        if style == "table":
            pieces: Iterable[str] = (f"{text}\n" for text in [table()] if text)
        elif style == "name":
            pieces = (f"{printable(name)}\n" for name in names())
        else:
            pieces = _serialised(document(), style)
        if self._screen:
            self._lines += "".join(pieces).splitlines()
        else:
            sys.stdout.writelines(pieces)

    def table(self, headers: Sequence[str], rows: Sequence[Row]) -> str:
        """Return a table of *rows*, cut to the terminal's width; empty if there are none."""
        # Imported here: only a command that shows a table has to wait for it.
        from tabulate import tabulate

        if not rows:
            return ""
        cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
        texts = [list(headers), *([printable(cell.text) for cell in row] for row in cells)]
        texts = _cut(texts)
        colours = [["bold"] * len(headers), *([cell.colour for cell in row] for row in cells)]
        painted = [
            [self.paint(text, colour) for text, colour in zip(*pair, strict=True)]
            for pair in zip(texts, colours, strict=True)
        ]
        # The headers go in as a row: tabulate would widen columns for them, past the width that was cut to.
        return str(tabulate(painted, tablefmt="plain", disable_numparse=True))

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


def _serialised(value: Document | Iterable[Document], style: Format) -> Iterator[str]:
    """Yield *value* as JSON or YAML, in ASCII, piece by piece; a list in compact JSON has one element a line."""
    # Imported here, as YAML is: the start of every command would pay for it.
    import json

    if style == "yaml":
        yield from _yaml(value)
        return
    pretty = style == "json-pretty" or sys.stdout.isatty()
    indent, margin = (2, "\n  ") if pretty else (None, "\n ")
    if isinstance(value, Mapping):
        yield json.dumps(value, indent=indent)
    else:
        before = "[\n  " if pretty else "["
        for element in value:
            yield before + json.dumps(element, indent=indent).replace("\n", margin)
            before = f",{margin}"
        if not before.startswith(","):
            yield "["
        elif pretty:
            yield "\n"
        yield "]"
    yield "\n"


def _yaml(value: Document | Iterable[Document]) -> Iterator[str]:
    import json

    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    nothing = "[]\n"
    for part in [value] if isinstance(value, Mapping) else ([element] for element in value):
        # Through JSON, so that tuples come out as the lists that they are.
        yield str(yaml.dump(json.loads(json.dumps(part)), Dumper=dumper, sort_keys=False))
        nothing = ""
    yield nothing


def _cut(rows: list[list[str]]) -> list[list[str]]:
    """Shorten the widest columns of *rows* until they fit the terminal, where there is one."""
    if not sys.stdout.isatty():
        return rows
    gap = 2
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    spare = os.get_terminal_size(sys.stdout.fileno()).columns - sum(widths) - gap * (len(widths) - 1)
    while spare < 0:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
        spare += 1
    return [
        [text if len(text) <= width else f"{text[: width - 1]}…" for text, width in zip(row, widths, strict=True)]
        for row in rows
    ]
