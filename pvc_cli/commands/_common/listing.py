"""Show a list of records in the requested format: the options and the output that all lists share."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import click

from pvc_cli.commands._common import complete
from pvc_cli.commands._common.clusters import on_each
from pvc_cli.commands._common.command import Command, Context, list_formats
from pvc_cli.commands._common.order import sort_rows
from pvc_cli.connections.resolve import several
from pvc_cli.output.gathered import CLUSTER
from pvc_cli.output.layout import Layout, column_index
from pvc_cli.output.writer import Document, Output, Row

_T = TypeVar("_T")


class ColumnsOption(click.Option):
    """An option that takes the names of some of *known* columns."""

    def __init__(self, *args: Any, known: Sequence[str] = (), **attributes: Any) -> None:  # noqa: ANN401 - Click's
        super().__init__(*args, metavar="COLUMN,…", shell_complete=complete.columns, **attributes)
        self.known = known


def list_options(
    *columns: str,
    takes_several: bool = True,
    columns_for: Callable[[Mapping[str, object]], Sequence[str]] | None = None,
) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of a list with these *columns*: how it is laid out, and its format.

    :param takes_several: whether several clusters can be asked at once: not about one thing, nor about this machine.
    :param columns_for: returns which of *columns* the list has with the command's other options; all, without it.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def laid_out(*args: object, **given: object) -> object:
            wanted, order, headless = (given.pop(name) for name in ("columns", "sort", "no_headers"))
            layout = Layout(_names(wanted), _names(order), headers=not headless)
            context = click.get_current_context()
            command_context = cast("Context", context.obj)
            output = command_context.output
            clusters = several(command_context.connection, command_context.coordinators) if takes_several else []
            known = columns_for(given) if columns_for else columns
            known = (*known, CLUSTER) if clusters and output.tabular else known
            for name in (*layout.columns, *(name.removeprefix("-") for name in layout.sort)):
                column_index(known, name)
            if (layout.columns or headless) and not output.tabular:
                raise click.UsageError("--columns and --no-headers need -o table, wide or csv", context)
            output.layout = layout
            return (on_each(command) if takes_several else command)(*args, **given)

        decorated = cast("Command", laid_out)
        for option in (
            click.option("--no-headers", is_flag=True, help="Leave out the line of headers."),
            click.option("--sort", cls=ColumnsOption, known=columns, help="Sort by these; -COLUMN: greatest first."),
            click.option("--columns", cls=ColumnsOption, known=columns, help="Columns to show, in order."),
        ):
            decorated = option(decorated)
        return list_formats(decorated)

    return decorate


def _names(given: object) -> tuple[str, ...]:
    return tuple(name for name in str(given or "").split(",") if name)


def show_list(
    output: Output,
    found: Sequence[_T],
    *,
    document: Callable[[_T], Document],
    name: Callable[[_T], str],
    headers: Sequence[str],
    row: Callable[[_T], Row],
    nothing: str,
    wide: Sequence[str] = (),
    wrap: int | None = None,
    things: str = "",
) -> None:
    """Show *found*, of each record its document, its name or its table row; say *nothing* if there are none.

    :param wide: the headers of the last cells of each row, which are shown only where they are asked for.
    :param wrap: the column that goes on in further lines instead of being cut.
    :param things: what the records are, in the plural, for the line below a table on a terminal.
    """
    show_records(
        output,
        found,
        documents=lambda records: map(document, records),
        names=lambda records: map(name, records),
        headers=headers,
        wide=wide,
        wrap=wrap,
        rows=lambda records: [(record, row(record)) for record in records],
        nothing=nothing,
        things=things,
    )


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
    things: str = "",
) -> None:
    """Show *found* as :func:`show_list` does, where records are made into documents and rows together.

    :param rows: returns records with their rows; a record that vanished meanwhile is left out.
    """
    pairs: Sequence[tuple[_T, Row]] | None = None
    if output.layout.sort and not (output.gathered and output.tabular):
        pairs = sort_rows(output.layout, (*headers, *wide), rows(found))
        found = [record for record, _ in pairs]
    output.show(
        lambda: documents(found),
        names=lambda: dict.fromkeys(names(found)),
        table=lambda: output.table(
            headers, [row for _, row in (rows(found) if pairs is None else pairs)], wide=wide, wrap=wrap
        ),
    )
    if not found:
        output.message(nothing)
    elif things:
        output.count(len(found), things)
