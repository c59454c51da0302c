"""Results for people: tables, cut to the width of the terminal."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar, cast

from pvc_cli.errors import printable
from pvc_cli.output.cells import Cell, Row, as_cell

_FIRST, _OTHERS, _NARROWEST_WRAPPED, _ROOMY = 24, 8, 24, 30
_GAP = 2
_T = TypeVar("_T")
_Measure = Callable[[str], int]


def render_table(
    headers: Sequence[str],
    rows: Sequence[Row],
    paint: Callable[[str, str], str],
    *,
    columns: int | None,
    head: bool = True,
    wrap: int | None = None,
    below: int | None = None,
    roomy: str = "",
) -> tuple[str, Sequence[str]]:
    """Return a table of *rows*, and the headers of what does not fit into it; numbers are aligned to the right.

    :param paint: gives a text its colour.
    :param columns: how wide the table may be; None does not limit it.
    :param head: whether the headers are shown.
    :param wrap: the column that goes on in further lines.
    :param below: the column that stands below that one, in lines of its own, where it would crowd it.
    :param roomy: the header of a column that is left out rather than cut to little.
    """
    columns_of_cells, shown = [_as_column(column) for column in zip(*rows, strict=True)], headers
    under: Sequence[str] = [""] * len(rows)
    if wrap is not None and below is not None and columns and _crowds(headers, columns_of_cells, wrap, columns):
        under, shown = columns_of_cells.pop(below).texts, without(headers, below)
        wrap -= below < wrap
    texts = [column.texts for column in columns_of_cells]
    colours = [column.colours for column in columns_of_cells]
    numeric = [column.numeric for column in columns_of_cells]
    exact = [max(map(len, column.texts)) if column.numeric else 0 for column in columns_of_cells]
    whole = texts
    if head:
        texts = [[header, *column] for header, column in zip(shown, texts, strict=True)]
        colours = [["bold", *column] for column in colours]
        under = ["", *under]
    measure = _measure([*texts, under])
    if wrap is not None and columns:
        texts, colours = _wrap(texts, colours, wrap, columns, measure, under)
        # What goes on in further lines is not cut as well: the others make room for it.
        exact[wrap] = max(map(measure, texts[wrap]))
    widths = [max(map(measure, column)) for column in texts]
    if roomy in shown:
        # Nor is what names things cut for it.
        exact[0], exact[shown.index(roomy)] = widths[0], _ROOMY
    # A header that says which number it is, is worth more than a column further on.
    exact = [max(number, min(wide, _OTHERS)) if number else 0 for number, wide in zip(exact, widths, strict=True)]
    if columns and sum(widths) + _GAP * (len(widths) - 1) > columns:
        fitting = _fit(widths, exact, _telling_apart(whole, measure, columns), columns)
        if wrap is not None and len(fitting) <= wrap:
            # Its further lines would be empty.
            return render_table(headers, rows, paint, columns=columns, head=head)
        texts = _cut(texts, fitting)
        measure = _measure(texts)
        widths = [max(map(measure, column)) for column in texts]
    painted = [
        [paint(text, colour) if colour else text for text, colour in zip(*column, strict=True)]
        for column in zip(texts, colours, strict=False)
    ]
    if measure is not len:
        # Imported here: it takes longer than all of a small listing, and knows how wide other characters are.
        from tabulate import tabulate

        sides = ["right" if number else "left" for number, _ in zip(numeric, widths, strict=False)]
        rows_of_texts = list(zip(*painted, strict=True))
        table = str(tabulate(rows_of_texts, tablefmt="plain", disable_numparse=True, colalign=sides))
        return "\n".join(line.rstrip() for line in table.splitlines()), shown[len(widths) :]
    aligned = [_align(*column) for column in zip(texts, painted, widths, numeric, strict=False)]
    lines = ((" " * _GAP).join(row).rstrip() for row in zip(*aligned, strict=True))
    return "\n".join(lines), shown[len(widths) :]


def without(values: Sequence[_T], at: int) -> list[_T]:
    """Return *values* without one of them."""
    return [*values[:at], *values[at + 1 :]]


class _Column(NamedTuple):
    """A column's cells, as they are shown."""

    texts: Sequence[str]
    colours: Sequence[str]
    numeric: bool
    """Whether all that is known in it is numbers."""


def _as_column(values: Sequence[str | float | Cell | None]) -> _Column:
    # A column at a time: ten thousand rows have few kinds of cells, and mostly texts that need no care.
    if set(map(type, values)) == {str}:
        texts, colours, numeric = cast("Sequence[str]", values), [""] * len(values), False
    else:
        cells = list(map(as_cell, values))
        texts, colours = [cell.text for cell in cells], [cell.colour for cell in cells]
        numeric = {cell.is_number for cell in cells if cell.value is not None and cell.text} == {True}
    if not "".join(texts).isprintable():
        texts = list(map(printable, texts))
    return _Column([text.strip() for text in texts], colours, numeric)


def _measure(texts: Sequence[Sequence[str]]) -> _Measure:
    """Return what tells how wide a text is."""
    if all("".join(column).isascii() for column in texts):
        return len
    # Imported here: few tables have other characters.
    from pvc_cli.output.widths import width

    return width


def _align(texts: Sequence[str], painted: Sequence[str], width: int, numeric: bool) -> list[str]:
    """Return a column filled up with blanks to *width*; colours take no room."""
    if numeric:
        return [" " * (width - len(text)) + shown for text, shown in zip(texts, painted, strict=True)]
    return [shown + " " * (width - len(text)) for text, shown in zip(texts, painted, strict=True)]


def _telling_apart(texts: Sequence[Sequence[str]], measure: _Measure, columns: int) -> list[int]:
    """Return how wide the first columns must stay so that no two rows look alike; none if there is no room."""
    rows = len(texts[0])
    count = next((count for count in range(1, len(texts)) if len(set(zip(*texts[:count], strict=True))) == rows), 0)
    needed = [_different(sorted(set(column)), measure) for column in texts[:count]]
    return needed if sum(needed) + _GAP * (len(needed) - 1) <= columns else []


def _different(texts: Sequence[str], measure: _Measure) -> int:
    """Return how wide the sorted *texts* must stay so that no two of them are cut to the same."""
    needed = 0
    for one, other in pairwise(texts):
        differ = 1 + next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
        needed = max(needed, *(measure(text[:differ]) + (len(text) > differ) for text in (one, other)))
    return needed


def _fit(widths: Sequence[int], exact: Sequence[int], apart: Sequence[int], columns: int) -> list[int]:
    """Return how wide the columns of a table become that is too wide; those at the end that do not fit are left out.

    The widest are cut first, the first one, which names things, not as soon; a number is shown whole, or not at all.

    :param exact: for columns of numbers, how wide these are; 0 for others.
    :param apart: how wide the first columns must stay at least.
    """
    fitting = [min(wide, max(columns, number)) for wide, number in zip(widths, exact, strict=True)]
    for first in (_FIRST, _OTHERS):
        floors = [number or (_OTHERS if at else first) for at, number in enumerate(exact)]
        floors[: len(apart)] = map(max, floors, apart)
        while sum(fitting) + _GAP * (len(fitting) - 1) > columns:
            wider = [at for at, wide in enumerate(fitting) if wide > floors[at]]
            if not wider:
                break
            fitting[max(wider, key=fitting.__getitem__)] -= 1
    while len(fitting) > 1 and sum(fitting) + _GAP * (len(fitting) - 1) > columns:
        fitting.pop()
    left = len(fitting)
    # What was left out leaves room for the others.
    return fitting if left == len(widths) else _fit(widths[:left], exact[:left], apart[:left], columns)


def _cut(texts: Sequence[Sequence[str]], widths: Sequence[int]) -> list[Sequence[str]]:
    """Cut the texts of each column to its width; columns without a width are left out."""
    # Imported here: only what does not fit needs it.
    from pvc_cli.output.widths import cut

    return [[cut(text, wide) for text in column] for column, wide in zip(texts, widths, strict=False)]


def _crowds(headers: Sequence[str], cells: Sequence[_Column], wrapped: int, columns: int) -> bool:
    """Tell whether the other columns leave too little room to the *wrapped* one."""
    texts = [[header, *column.texts] for header, column in zip(headers, cells, strict=True)]
    return _room_for(texts, wrapped, columns, _measure(texts)) < _NARROWEST_WRAPPED


def _room_for(texts: Sequence[Sequence[str]], wrapped: int, columns: int, measure: _Measure) -> int:
    return columns - sum(max(map(measure, column)) + _GAP for column in without(texts, wrapped))


def _wrap(
    texts: Sequence[Sequence[str]],
    colours: Sequence[Sequence[str]],
    wrapped: int,
    columns: int,
    measure: _Measure,
    under: Sequence[str],
) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    """Split the texts of one column into lines that fit, each in a row of its own.

    :param under: what stands below each of these texts, if anything; it is split only if it must be.
    """
    # Imported here: few tables need it.
    from pvc_cli.output.widths import wrap

    room = max(_room_for(texts, wrapped, columns, measure), _NARROWEST_WRAPPED)
    below = [[text] if measure(text) <= room else wrap(text, room) for text in under]
    lines = [[*wrap(text, room), *filter(None, more)] for text, more in zip(texts[wrapped], below, strict=True)]
    further = [[""] * (len(of_row) - 1) for of_row in lines]
    split: list[Sequence[str]] = [
        [part for of_row in lines for part in of_row]
        if at == wrapped
        else [part for text, empty in zip(column, further, strict=True) for part in (text, *empty)]
        for at, column in enumerate(texts)
    ]
    painted: list[Sequence[str]] = [
        [colour for colour, of_row in zip(column, lines, strict=True) for _ in of_row] for column in colours
    ]
    return split, painted
