"""Count what is listed, by what it has in common."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pvc_cli.cluster.values import natural_key
from pvc_cli.errors import InvalidInputError
from pvc_cli.output.cells import UNKNOWN, Cell, Row, as_cell
from pvc_cli.output.layout import Layout, column_index, word_for

NONE = "none"


class Count(NamedTuple):
    """How many things have the same value; None is that of those without one."""

    value: str | float | None
    """The value for programs."""
    cell: Cell
    """The value for people."""
    number: int


def counted_column(columns: Sequence[str], name: str) -> str:
    """Return *name* as the header of what is counted: one of *columns*, or one thing of a column that lists several.

    :raises InvalidInputError: if there is no such column.
    """
    try:
        column_index(columns, f"{name}s")
    except InvalidInputError:
        column_index(columns, name)
    return word_for(name)


def counted_headers(layout: Layout) -> tuple[str, str]:
    """Return the headers of counts."""
    return layout.count_by, layout.things.upper()


def count_rows(rows: Sequence[Row], headers: Sequence[str], name: str) -> list[Count]:
    """Return how many of *rows* have which value in the column called *name*, by that value.

    A row counts for each thing that its cell lists.

    :raises InvalidInputError: if *name* is one thing of a column that does not list things: a number of them.
    """
    words = list(map(word_for, headers))
    listing = f"{name}S"
    at = column_index(headers, listing if name not in words and listing in words else name)
    cells = [as_cell(row[at]) for row in rows]
    if name not in words and any(cell.each is None and cell.value is not None for cell in cells):
        column_index(headers, name)
    counts = Counter(value for cell in cells for value in _values(cell))
    return sorted((Count(value, cell, number) for (value, cell), number in counts.items()), key=_rank)


def value_cell(value: str | float | None) -> Cell:
    """Return the cell of a counted value, or of those without one."""
    return Cell(NONE, value=None) if value is None else Cell(str(value))


def _values(cell: Cell) -> Iterator[tuple[str | float | None, Cell]]:
    """Yield the values that a cell counts for, for programs and for people."""
    if cell.each is not None:
        each: Sequence[str | int | None] = cell.each or (None,)
        yield from ((one, value_cell(one)) for one in dict.fromkeys(each))
    elif not isinstance(cell.value, str):
        yield cell.value, Cell(cell.text or NONE, value=cell.value)
    else:
        text = cell.value or cell.text
        fact = text or None if cell.fact == "" else cell.fact
        yield None if fact == UNKNOWN else fact, Cell(text) if text else value_cell(None)


def _rank(count: Count) -> tuple[int, float, object]:
    if count.value is None:
        return 2, 0, count.cell.text
    if isinstance(count.value, str):
        return 1, 0, natural_key(count.value)
    return 0, count.value, ""
