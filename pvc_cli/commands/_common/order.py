"""The order of a list's rows."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pvc_cli.cluster.values import natural_key
from pvc_cli.output.cells import Cell, Row, as_cell
from pvc_cli.output.layout import Layout

_T = TypeVar("_T")


def sort_rows(layout: Layout, headers: Sequence[str], pairs: Sequence[tuple[_T, Row]]) -> list[tuple[_T, Row]]:
    """Return *pairs* in the order that *layout* asks for; what is not known comes last."""
    ordered = list(pairs)
    for column, descending in reversed(layout.order(headers)):
        known = [pair for pair in ordered if as_cell(pair[1][column]).value is not None]
        unknown = [pair for pair in ordered if as_cell(pair[1][column]).value is None]
        known.sort(key=lambda pair: _rank(as_cell(pair[1][column])), reverse=descending)
        ordered = known + unknown
    return ordered


def _rank(cell: Cell) -> tuple[bool, Any]:
    """Return what a cell is sorted by: numbers before texts, and numbers in texts by what they are."""
    return (False, cell.value) if cell.is_number else (True, natural_key(str(cell.value) or cell.text))
