"""Ask several clusters the same question, one after the other, and show the answers as one list."""

import functools
from collections.abc import Callable, Sequence
from typing import cast

import click

from pvc_cli.commands._common.command import Command
from pvc_cli.commands._common.order import sort_rows
from pvc_cli.connections.resolve import resolve, several
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_USAGE, PvcError
from pvc_cli.output.failure import report
from pvc_cli.output.gathered import CLUSTER, Gathered
from pvc_cli.output.layout import word_for
from pvc_cli.output.writer import Output, Row


def on_each(command: Command) -> Command:
    """Let *command*, which changes nothing, run on each cluster where several are named."""

    @functools.wraps(command)
    def asked(*args: object, **given: object) -> object:
        click_context = click.get_current_context()
        context = cast("Context", click_context.obj)
        names = several(context.connection, context.coordinators)
        if not names:
            return command(*args, **given)
        if given.get("watch") or context.output.style == "prometheus":
            option = "--watch" if given.get("watch") else "-o prometheus"
            raise click.UsageError(f"{option} takes one cluster: name one", click_context)
        return _ask_each(context, names, lambda: command(*args, **given))

    return cast("Command", asked)


def _ask_each(context: Context, names: Sequence[str], ask: Callable[[], object]) -> int:
    """Run a command that lists on each of the clusters called *names*, and return the highest exit code.

    A cluster that does not answer, or refuses, hides no other; its error is reported, with its name.

    :raises ConfigError: if one of them is not configured: then none is asked.
    """
    for name in names:
        resolve(name, None)
    output, code = context.output, 0
    gathered = output.gathered = Gathered()
    for name in names:
        context.turn_to(name)
        gathered.cluster = name
        try:
            status = ask()
        except PvcError as error:
            # What is wrong with the command line is wrong for each; and a signal ends them all.
            if error.exit_code == EXIT_USAGE or context.signals:
                raise
            report(output, error.kind, f"{name}: {error}", error.exit_code, *error.more)
            status = error.exit_code
        code = max(code, status if isinstance(status, int) else 0)
    output.gathered = None
    if gathered.answered:
        _show(output, gathered)
    return code


def _show(output: Output, gathered: Gathered) -> None:
    headers, wide, wrap = gathered.columns
    layout = output.layout
    if layout.columns and word_for(CLUSTER) not in map(word_for, layout.columns):
        output.layout = layout._replace(columns=(CLUSTER, *layout.columns))

    def rows() -> list[Row]:
        pairs = [(row, row) for row in gathered.rows]
        return [row for row, _ in sort_rows(layout, (*headers, *wide), pairs)]

    output.show(
        lambda: gathered.documents,
        names=lambda: gathered.names,
        table=lambda: output.table(headers, rows(), wide=wide, wrap=wrap),
    )
    if gathered.things:
        output.count(gathered.count, gathered.things)
