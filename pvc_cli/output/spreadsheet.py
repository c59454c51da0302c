"""Results for spreadsheets: CSV as RFC 4180 describes it."""

import csv
import io
from collections.abc import Sequence

from pvc_cli.errors import printable
from pvc_cli.output.cells import Cell, Row, as_cell

_FORMULA = ("=", "+", "-", "@")


def render_csv(headers: Sequence[str], rows: Sequence[Row], *, head: bool = True) -> str:
    """Return *rows* as CSV, but for the end of the last line; numbers have no unit, what is not known is empty.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    if head:
        writer.writerow(headers)
    writer.writerows([_value(as_cell(cell)) for cell in row] for row in rows)
    return text.getvalue().removesuffix("\r\n")


def _value(cell: Cell) -> str | float:
    if cell.value is None:
        return ""
    if not isinstance(cell.value, str):
        return cell.value
    text = printable(cell.value or cell.text)
    return f"'{text}" if text.startswith(_FORMULA) else text
