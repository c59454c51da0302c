"""Results for people: tables, cut to the width of the terminal."""

import os
import sys
from collections.abc import Callable, Sequence

from pvc_cli.errors import printable
from pvc_cli.output.writer import Cell, Row

_NARROWEST, _NARROWEST_WRAPPED = 8, 24
_GAP = 2


def render_table(
    headers: Sequence[str], rows: Sequence[Row], paint: Callable[[str, str], str], *, wrap: int | None = None
) -> str:
    """Return a table of *rows*; *paint* gives a text its colour, column *wrap* goes on in further lines."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    if wrap is not None:
        cells = _wrap(headers, cells, wrap)
    texts = _cut([list(headers), *([printable(cell.text).strip() for cell in row] for row in cells)])
    colours = [["bold"] * len(headers), *([cell.colour for cell in row] for row in cells)]
    painted = [
        [paint(text, colour) for text, colour in zip(*pair, strict=True)] for pair in zip(texts, colours, strict=True)
    ]
    if not all(text.isascii() for row in texts for text in row):
        # Imported here: it takes longer than all of a small listing, and knows how wide other characters are.
        from tabulate import tabulate

        # The headers go in as a row: tabulate would widen columns for them, past the width that was cut to.
        return str(tabulate(painted, tablefmt="plain", disable_numparse=True))
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = (
        "  ".join(cell + " " * (width - len(text)) for cell, text, width in zip(*row, widths, strict=True))
        for row in zip(painted, texts, strict=True)
    )
    return "\n".join(line.rstrip() for line in lines)


def _columns() -> int:
    """Return how wide the terminal is; only where there is one."""
    return os.get_terminal_size(sys.stdout.fileno()).columns


def _wrap(headers: Sequence[str], rows: list[list[Cell]], column: int) -> list[list[Cell]]:
    """Split the cells of *column* into lines that fit the terminal, where there is one, each in a row of its own."""
    if not sys.stdout.isatty():
        return rows
    # Imported here: few tables need it.
    import textwrap

    others = [i for i in range(len(headers)) if i != column]
    taken = sum(max(len(headers[i]), *(len(printable(row[i].text)) for row in rows)) + _GAP for i in others)
    width = max(_columns() - taken, _NARROWEST_WRAPPED)
    wrapped = []
    for row in rows:
        first, *more = textwrap.wrap(printable(row[column].text), width) or [""]
        wrapped.append([Cell(first, cell.colour) if i == column else cell for i, cell in enumerate(row)])
        wrapped += [[Cell(line if i == column else "") for i in range(len(headers))] for line in more]
    return wrapped


def _cut(rows: list[list[str]]) -> list[list[str]]:
    """Shorten the widest columns of *rows* until they fit the terminal, where there is one."""
    if not sys.stdout.isatty():
        return rows
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    spare = _columns() - sum(widths) - _GAP * (len(widths) - 1)
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
