"""Results for people: tables, cut to the width of the terminal."""

from collections.abc import Callable, Sequence

from pvc_cli.errors import printable
from pvc_cli.output.writer import Cell, Row, as_cell

_FIRST, _OTHERS, _NARROWEST, _NARROWEST_WRAPPED = 24, 8, 4, 24
_GAP = 2
_Measure = Callable[[str], int]


def render_table(
    headers: Sequence[str],
    rows: Sequence[Row],
    paint: Callable[[str, str], str],
    *,
    columns: int | None,
    head: bool = True,
    wrap: int | None = None,
) -> tuple[str, Sequence[str]]:
    """Return a table of *rows*, and the headers of what does not fit into it; numbers are aligned to the right.

    :param paint: gives a text its colour.
    :param columns: how wide the table may be; None does not limit it.
    :param head: whether the headers are shown.
    :param wrap: the column that goes on in further lines.
    """
    cells = [[as_cell(cell) for cell in row] for row in rows]
    texts = [[printable(cell.text).strip() for cell in row] for row in cells]
    numeric = [_is_numeric(column) for column in zip(*cells, strict=True)]
    exact = [
        max(map(len, column)) if number else 0
        for number, column in zip(numeric, zip(*texts, strict=True), strict=True)
    ]
    colours = [[cell.colour for cell in row] for row in cells]
    if head:
        texts.insert(0, list(headers))
        colours.insert(0, ["bold"] * len(headers))
    measure = _measure(texts)
    if wrap is not None and columns:
        texts, colours = _wrap(texts, colours, wrap, columns, measure)
    widths = [max(map(measure, column)) for column in zip(*texts, strict=True)]
    if columns and sum(widths) + _GAP * (len(widths) - 1) > columns:
        widths = _fit(widths, exact, columns)
        texts = [_cut(row, widths) for row in texts]
        measure = _measure(texts)
        widths = [max(map(measure, column)) for column in zip(*texts, strict=True)]
    painted = [[paint(*pair) for pair in zip(*row, strict=False)] for row in zip(texts, colours, strict=True)]
    if measure is not len:
        # Imported here: it takes longer than all of a small listing, and knows how wide other characters are.
        from tabulate import tabulate

        sides = ["right" if number else "left" for number, _ in zip(numeric, widths, strict=False)]
        table = str(tabulate(painted, tablefmt="plain", disable_numparse=True, colalign=sides))
        return "\n".join(line.rstrip() for line in table.splitlines()), headers[len(widths) :]
    lines = (
        (" " * _GAP).join(
            _align(text, shown, wide - len(text), right=right)
            for text, shown, wide, right in zip(row, shown_row, widths, numeric, strict=False)
        )
        for row, shown_row in zip(texts, painted, strict=True)
    )
    return "\n".join(line.rstrip() for line in lines), headers[len(widths) :]


def _measure(texts: Sequence[Sequence[str]]) -> _Measure:
    """Return what tells how wide a text is."""
    if all(text.isascii() for row in texts for text in row):
        return len
    # Imported here: few tables have other characters.
    from pvc_cli.output.widths import width

    return width


def _is_numeric(column: Sequence[Cell]) -> bool:
    """Tell whether all that is known in *column* is numbers."""
    kinds = {cell.is_number for cell in column if cell.value is not None and cell.text}
    return kinds == {True}


def _align(text: str, painted: str, spare: int, *, right: bool) -> str:
    if not text:
        return " " * spare
    return " " * spare + painted if right else painted + " " * spare


def _fit(widths: Sequence[int], exact: Sequence[int], columns: int) -> list[int]:
    """Return how wide the columns of a table become that is too wide; those at the end that do not fit are left out.

    The widest are cut first, the first one, which names things, not as soon; a number is shown whole, or not at all.

    :param exact: for columns of numbers, how wide these are; 0 for others.
    """
    fitting = [min(wide, max(columns, number)) for wide, number in zip(widths, exact, strict=True)]
    for first, others in ((_FIRST, _OTHERS), (_OTHERS, _OTHERS), (_NARROWEST, _NARROWEST)):
        floors = [number or (others if at else first) for at, number in enumerate(exact)]
        while sum(fitting) + _GAP * (len(fitting) - 1) > columns:
            wider = [at for at, wide in enumerate(fitting) if wide > floors[at]]
            if not wider:
                break
            fitting[max(wider, key=fitting.__getitem__)] -= 1
    while len(fitting) > 1 and sum(fitting) + _GAP * (len(fitting) - 1) > columns:
        fitting.pop()
    return fitting


def _cut(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    # Imported here: only what does not fit needs it.
    from pvc_cli.output.widths import cut

    return [cut(text, wide) for text, wide in zip(row, widths, strict=False)]


def _wrap(
    texts: list[list[str]], colours: list[list[str]], column: int, columns: int, measure: _Measure
) -> tuple[list[list[str]], list[list[str]]]:
    """Split the texts of *column* into lines that fit, each in a row of its own."""
    # Imported here: few tables need it.
    from pvc_cli.output.widths import wrap

    others = [column_texts for at, column_texts in enumerate(zip(*texts, strict=True)) if at != column]
    taken = sum(max(map(measure, column_texts)) + _GAP for column_texts in others)
    room = max(columns - taken, _NARROWEST_WRAPPED)
    split, painted = [], []
    for row, colour in zip(texts, colours, strict=True):
        for number, line in enumerate(wrap(row[column], room)):
            split.append([line if at == column else "" if number else text for at, text in enumerate(row)])
            painted.append(colour)
    return split, painted
