"""Count what is listed, by what it has in common."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pvc_cli.cluster.values import natural_key
from pvc_cli.errors import InvalidInputError
from pvc_cli.output.layout import Layout, column_index, word_for
from pvc_cli.output.writer import Cell, Row, as_cell

NONE = "none"


class Count(NamedTuple):
    """How many things have the same value; None is that of those without one."""

    value: str | float | None
    text: str
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
    """
    words = list(map(word_for, headers))
    listing = f"{name}S"
    at = column_index(headers, listing if name not in words and listing in words else name)
    counts = Counter(value for row in rows for value in _values(as_cell(row[at])))
    found = [Count(value, text, number) for (value, text), number in counts.items()]
    return sorted(found, key=_rank)


def _values(cell: Cell) -> Iterator[tuple[str | float | None, str]]:
    """Yield the values that a cell counts for, each with its text."""
    if cell.each is not None:
        yield from ((one, one) for one in dict.fromkeys(cell.each)) if cell.each else [(None, NONE)]
    elif isinstance(cell.value, str):
        text = cell.value or cell.text
        yield (text, text) if text else (None, NONE)
    else:
        yield cell.value, cell.text or NONE


def _rank(count: Count) -> tuple[int, float, object]:
    if count.value is None:
        return 2, 0, count.text
    if isinstance(count.value, str):
        return 1, 0, natural_key(count.value)
    return 0, count.value, ""
