"""Show a list of records in the requested format."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pvc_cli.output.writer import Document, Output, Row

_T = TypeVar("_T")


def show_list(
    output: Output,
    found: Sequence[_T],
    *,
    document: Callable[[_T], Document],
    name: Callable[[_T], str],
    headers: Sequence[str],
    row: Callable[[_T], Row],
    nothing: str,
) -> None:
    """Show *found*, of each record its document, its name or its table row; say *nothing* if there are none."""
    output.show(
        lambda: map(document, found),
        names=lambda: map(name, found),
        table=lambda: output.table(headers, [row(record) for record in found]),
    )
    if not found:
        output.message(nothing)
