"""Show a list of records in the requested format: the options and the output that all lists share."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast

import click

from pvc_cli.commands._common import complete
from pvc_cli.commands._common.clusters import on_each
from pvc_cli.commands._common.command import Command, Context, list_formats
from pvc_cli.commands._common.counting import Count, count_rows, counted_column, counted_headers
from pvc_cli.commands._common.order import sort_rows
from pvc_cli.connections.resolve import several
from pvc_cli.output.cells import Row
from pvc_cli.output.gathered import CLUSTER
from pvc_cli.output.layout import Layout, column_index
from pvc_cli.output.writer import Document, Output

_T = TypeVar("_T")
_FormT = TypeVar("_FormT")
_OPTIONS = ("columns", "sort", "no_headers", "count_by")


class ColumnsOption(click.Option):
    """An option that takes the names of some of *known* columns."""

    def __init__(self, *args: Any, known: Sequence[str] = (), **attributes: Any) -> None:  # noqa: ANN401 - Click's
        super().__init__(*args, shell_complete=complete.columns, **{"metavar": "COLUMN,…", **attributes})
        self.known = known


def list_options(
    *columns: str, things: str, takes_several: bool = True, least: tuple[str, ...] = (), roomy: str = ""
) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of a list with these *columns*: how it is laid out, and its format.

    :param things: what is listed, in the plural.
    :param takes_several: whether several clusters can be asked at once: not about one thing, nor about this machine.
    :param least: the columns that make room where not all fit, the first of them first; then the last ones do.
    :param roomy: the column that they make room for also where it would be cut to little.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def laid_out(*args: object, **given: object) -> object:
            wanted, order, headless, count_by = (given.pop(name) for name in _OPTIONS)
            counted = counted_column(columns, str(count_by)) if count_by else ""
            layout = Layout(
                _names(wanted), _names(order), headers=not headless, things=things, count_by=counted, least=least,
                roomy=roomy,
            )  # fmt: skip
            context = click.get_current_context()
            command_context = cast("Context", context.obj)
            output = command_context.output
            clusters = several(command_context.connection, command_context.coordinators) if takes_several else []
            known = counted_headers(layout) if counted else columns
            known = (*known, CLUSTER) if clusters and output.tabular else known
            for name in (*layout.columns, *(name.removeprefix("-") for name in layout.sort)):
                column_index(known, name)
            if (layout.columns or headless) and not output.tabular:
                raise click.UsageError("--columns and --no-headers need -o table, wide or csv", context)
            output.layout = layout
            return (on_each(command) if takes_several else command)(*args, **given)

        decorated = cast("Command", laid_out)
        sortable = (*columns, things.upper())
        for option in (
            click.option(
                "--count-by",
                cls=ColumnsOption,
                known=columns,
                metavar="COLUMN",
                help="Count the rows by a column instead.",
            ),
            click.option("--no-headers", is_flag=True, help="Leave out the line of headers."),
            click.option("--sort", cls=ColumnsOption, known=sortable, help="Sort by these; -COLUMN: greatest first."),
            click.option("--columns", cls=ColumnsOption, known=columns, help="Columns to show, in order."),
        ):
            decorated = option(decorated)
        return list_formats(decorated)

    return decorate


def _names(given: object) -> tuple[str, ...]:
    return tuple(name for name in str(given or "").split(",") if name)


def for_each(form: Callable[[_T], _FormT]) -> Callable[[Sequence[_T]], Iterator[_FormT]]:
    """Return what makes the *form* of each of many records."""
    return lambda records: map(form, records)


def rows_of(row: Callable[[_T], Row]) -> Callable[[Sequence[_T]], list[tuple[_T, Row]]]:
    """Return what pairs each of many records with its *row*."""
    return lambda records: [(record, row(record)) for record in records]


def show_records(
    output: Output,
    found: Sequence[_T],
    *,
    documents: Callable[[Sequence[_T]], Document | Iterable[Document]],
    names: Callable[[Sequence[_T]], Iterable[str]],
    headers: Sequence[str],
    rows: Callable[[Sequence[_T]], Sequence[tuple[_T, Row]]],
    nothing: str,
    wide: Sequence[str] = (),
    wrap: int | None = None,
    below: int | None = None,
) -> None:
    """Show *found* as documents, names or rows, of which only one is made; say *nothing* if there are none.

    :param rows: returns records with their rows; a record that vanished meanwhile is left out.
    :param wide: the headers of the last cells of each row, which are shown only where they are asked for.
    :param wrap: the column that goes on in further lines instead of being cut.
    :param below: the column that stands below that one where there is no room beside it.
    """
    layout = output.layout
    if layout.count_by:
        counted = count_rows([row for _, row in rows(found)], (*headers, *wide), layout.count_by)
        show_counts(output, counted, nothing)
        return
    pairs: Sequence[tuple[_T, Row]] | None = None
    if _sorts(output):
        pairs = sort_rows(layout, (*headers, *wide), rows(found))
        found = [record for record, _ in pairs]
    output.show(
        lambda: documents(found),
        names=lambda: dict.fromkeys(names(found)),
        table=lambda: output.table(
            headers, [row for _, row in (rows(found) if pairs is None else pairs)], wide=wide, wrap=wrap, below=below
        ),
    )
    if found and layout.things:
        output.count(len(found), layout.things)
    elif nothing and not found:
        output.message(nothing)


def show_counts(output: Output, counts: Sequence[Count], nothing: str) -> None:
    """Show how many things have which value in common, or say that there are *nothing*."""
    header, things = counted_headers(output.layout)
    fields = header.lower().replace("-", "_"), things.lower().replace(" ", "_")
    pairs: Sequence[tuple[Count, Row]] = [(count, [count.cell, count.number]) for count in counts]
    if _sorts(output):
        pairs = sort_rows(output.layout, (header, things), pairs)
    output.show(
        lambda: [dict(zip(fields, (count.value, count.number), strict=True)) for count, _ in pairs],
        names=lambda: dict.fromkeys(count.cell.text for count, _ in pairs if count.value is not None),
        table=lambda: output.table((header, things), [row for _, row in pairs]),
    )
    if nothing and not counts:
        output.message(nothing)


def _sorts(output: Output) -> bool:
    """Tell whether rows are put in order here: those of several clusters are, once all are there."""
    return bool(output.layout.sort) and not (output.gathered and output.tabular)
