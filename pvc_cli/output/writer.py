"""Show results: tables for people; JSON, YAML, CSV and plain names for programs.

Nothing that comes from a cluster reaches a terminal unescaped: tables, names and messages go through
:func:`~pvc_cli.errors.printable`; JSON and YAML escape all that does not print in their own ways.

What makes tables, documents and screens is imported where it is used: no command needs all of it, and the start of
every one would pay for it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Literal

from pvc_cli.errors import printable
from pvc_cli.output.cells import Cell, Row, as_cell
from pvc_cli.output.layout import Layout
from pvc_cli.output.messages import Messages
from pvc_cli.output.terminal import columns_of, is_terminal, obeys_codes

if TYPE_CHECKING:
    from pvc_cli.output.gathered import Gathered
    from pvc_cli.output.prometheus import Family
    from pvc_cli.output.screen import Screen

Format = Literal["table", "wide", "csv", "json", "json-pretty", "jsonl", "yaml", "name", "prometheus"]
Document = Mapping[str, Any]
_COLOURS = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34}


def _no_room(headers: Sequence[str], columns: int | None) -> str:
    """Return what is said below a table that lacks these columns, in a line that fits."""
    several = len(headers) > 1
    line = f"No room for the column{'s' if several else ''} {', '.join(headers)}."
    return line if columns is None or len(line) <= columns else f"No room for {len(headers)} columns."


class Output(Messages):
    """Where a command's results and messages go.

    :param colour: whether tables have colour; None leaves it to the terminal.
    :param quiet: drop messages; results and errors stay.
    :param paged: show on a terminal what does not fit it in a pager.
    """

    def __init__(self, *, colour: bool | None = None, quiet: bool = False, paged: bool = False) -> None:
        super().__init__(quiet=quiet)
        self._colour = obeys_codes(sys.stdout) if colour is None else colour
        self.paged = paged
        """Whether a long table may wait in a pager: not while something is changed, or a lock is held."""
        self.style: Format = "table"
        """The format of results."""
        self.by_paths = False
        """Whether a dry run names znodes instead of what they belong to."""
        self.plan: str | None = None
        """The file that a dry run is written to as a plan, if any."""
        self.overwrite = False
        """Whether that file may replace another."""
        self.layout = Layout()
        """How a list is laid out."""
        self._lines: list[str] = []
        self._drawn: tuple[list[str], list[str]] = ([], [])
        """The lines and the notes that the screen shows."""
        self._footnotes: list[str] = []
        self._head = ""
        """The line of headers of the latest table."""

    def gathering(self, cluster: str) -> Output:
        """Return an output like this one that keeps what *cluster* answers, for :meth:`pass_on`."""
        from copy import copy

        from pvc_cli.output.gathered import Gathered

        output = copy(self)
        output.gathered = Gathered(cluster)
        return output

    @property
    def tabular(self) -> bool:
        """Whether results are rows and columns."""
        return self.style in ("table", "wide", "csv")

    @contextmanager
    def in_place(self) -> Iterator[Screen | None]:
        """Within a ``with`` block, gather tables and messages, and draw them anew at each :meth:`refresh`.

        That is for tables on a terminal, and gives its screen; all else is printed as ever.
        """
        if self.style not in ("table", "wide") or not obeys_codes(sys.stdout):
            yield None
            return
        from pvc_cli.output.screen import Screen

        self.end_wait()
        with Screen(sys.stdout) as screen:
            self._screen = screen
            try:
                yield screen
            finally:
                self._screen = None

    def refresh(self) -> None:
        """Draw what was gathered since the last time; elsewhere, hand on what was printed."""
        self._drawn = self._gathered_lines()
        if self._screen:
            self._screen.draw(*self._drawn)
        else:
            sys.stdout.flush()

    def draw_below(self, warning: str) -> bool:
        """Draw again what was drawn last, with *warning* below; what was gathered since is dropped.

        :return: whether there is a screen.
        """
        if self._screen is None:
            return False
        self._gathered_lines()
        lines, notes = self._drawn
        self._screen.draw(lines, [*notes, self.paint(printable(warning), "red")])
        return True

    def _gathered_lines(self) -> tuple[list[str], list[str]]:
        """Return the lines and the notes that were gathered for the screen, and forget them."""
        lines, self._lines = self._lines, []
        notes, self._notes = self._notes, []
        return lines, notes

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
        if self.gathered:
            self._gather(self.gathered, document, names, table)
            return
        if self.tabular:
            end = "\r\n" if self.style == "csv" else "\n"
            pieces: Iterable[str] = (f"{text}{end}" for text in [table()] if text)
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
        elif self.paged and self.style in ("table", "wide") and is_terminal(sys.stdout):
            self._page("".join(pieces))
        else:
            self._write(pieces)
        footnotes, self._footnotes = self._footnotes, []
        for note in footnotes:
            self.footer(note)

    def _gather(
        self,
        gathered: Gathered,
        document: Callable[[], Document | Iterable[Document]],
        names: Callable[[], Iterable[str]],
        table: Callable[[], str],
    ) -> None:
        """Keep a result for later, in the requested format."""
        if self.tabular:
            table()
        elif self.style == "name":
            gathered.add_names(names())
        else:
            gathered.add_documents(document())
        gathered.answered = True

    def _page(self, text: str) -> None:
        """Print *text*, in a pager if it does not fit the terminal."""
        from pvc_cli.output.pager import pager_for, show_in_pager

        self.end_wait()
        if pager := pager_for(text):
            show_in_pager(pager, text, self._head if text.startswith(self._head) else "")
        else:
            sys.stdout.write(text)

    def _write(self, pieces: Iterable[str]) -> None:
        """Print *pieces* as they come; what is waited for ends with the first."""
        pieces = iter(pieces)
        for first in pieces:
            self.end_wait()
            sys.stdout.write(first)
            sys.stdout.writelines(pieces)

    def count(self, number: int, things: str) -> None:
        """Say below a table that a person sees how many *things*, in the plural, it shows."""
        if self.gathered:
            self.gathered.things = things
            self.gathered.count += number
        else:
            self.footer(f"{number:,} {things if number > 1 else things.removesuffix('s')}")

    def footer(self, text: str) -> None:
        """Say *text* below a table that a person sees, unless quiet is wanted."""
        if self.quiet or self.style not in ("table", "wide") or not is_terminal(sys.stdout):
            return
        if self._screen:
            self._notes.append(printable(text))
        else:
            print(self.paint(printable(text), "dim"))

    def table(
        self,
        headers: Sequence[str],
        rows: Sequence[Row],
        *,
        wide: Sequence[str] = (),
        wrap: int | None = None,
        below: int | None = None,
    ) -> str:
        """Return a table of *rows*, cut to the terminal's width; empty if there are none. As CSV, all of it.

        A column that is empty in every row is left out, unless it was asked for.

        :param wide: the headers of further columns, which are shown only where all or these are asked for.
        :param wrap: the column that goes on in further lines instead of being cut.
        :param below: the column that stands below that one where there is no room beside it.
        """
        if self.gathered:
            from pvc_cli.output.gathered import Columns

            self.gathered.add_rows(Columns(headers, wide, wrap, below), rows)
            return ""
        every = (*headers, *wide)
        usual = len(headers) if self.style == "table" else len(every)
        chosen = self.layout.choose(every, usual)
        if self.style == "table" and self.layout.headers and not self.layout.columns:
            # What nothing is known of only takes room; a script that counts columns asks for them, or for no headers.
            chosen = [at for at in chosen if any(as_cell(row[at]).text for row in rows)]
        if chosen != list(range(len(every))):
            rows = [[row[at] for at in chosen] for row in rows]
        shown = [every[at] for at in chosen]
        wrap, below = (chosen.index(at) if at in chosen else None for at in (wrap, below))
        if self.style == "csv":
            from pvc_cli.output.spreadsheet import render_csv

            return render_csv(shown, rows, head=self.layout.headers)
        if not rows:
            return ""
        from pvc_cli.output.tables import render_table, without

        columns = None if self.style == "wide" else columns_of(sys.stdout)
        render = functools.partial(render_table, paint=self.paint, columns=columns, head=self.layout.headers)
        roomy = "" if self.layout.columns else self.layout.roomy
        text, missing = render(shown, rows, wrap=wrap, below=below, roomy=roomy)
        out: list[str] = []
        for header in self.layout.least if not self.layout.columns else ():
            if missing and header in shown:
                least = shown.index(header)
                shown, rows = without(shown, least), [without(row, least) for row in rows]
                wrap, below = (at - 1 if at is not None and at > least else at for at in (wrap, below))
                out.append(header)
                text, missing = render(shown, rows, wrap=wrap, below=below, roomy=roomy)
        if missing and roomy:  # none is left to make room for it
            text, missing = render(shown, rows, wrap=wrap, below=below)
        missing = [*out, *missing]
        self._head = text.partition("\n")[0] if self.layout.headers else ""
        self._footnotes += dict.fromkeys(
            cell.note for row in rows for cell in row if isinstance(cell, Cell) and cell.note
        )
        if missing:
            self._footnotes.append(_no_room(missing, columns))
        return text

    def fields(self, pairs: Iterable[tuple[str, str | Cell]]) -> str:
        """Return lines of a name and a value each, for one thing's details."""
        lines = [(name, value if isinstance(value, Cell) else Cell(value)) for name, value in pairs]
        width = max(len(name) for name, _ in lines) + 2
        return "\n".join(
            self.paint(head.ljust(width), "bold") + self.paint(part, value.colour)
            for name, value in lines
            for head, part in zip(chain((f"{name}:",), repeat("")), self._folded(value.text, width), strict=False)
        )

    def paragraph(self, text: str) -> str:
        """Return *text* in lines that fit the terminal."""
        return "\n".join(self._folded(text, 0))

    def _folded(self, text: str, taken: int) -> list[str]:
        """Return *text* in lines that fit behind *taken* columns; a word is never broken."""
        text = printable(text)
        columns = columns_of(sys.stdout)
        if not columns or taken + 2 * len(text) <= columns:
            return [text]
        # Imported here: most texts fit.
        from pvc_cli.output.widths import width, wrap

        room = max([columns - taken, *map(width, text.split())])
        return [text] if width(text) <= room else wrap(text, room)

    def paint(self, text: str, colour: str) -> str:
        """Return *text* in a colour, where colours are shown."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour and colour and text else text
