"""Ask several clusters the same question at the same time, and show the answers as one list."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import click

from pvc_cli.cluster.together import in_thread
from pvc_cli.commands._common.command import Command
from pvc_cli.commands._common.order import sort_rows
from pvc_cli.connections.resolve import resolve, several
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_USAGE, PvcError
from pvc_cli.output.cells import Row
from pvc_cli.output.failure import say
from pvc_cli.output.gathered import CLUSTER, Gathered
from pvc_cli.output.layout import word_for
from pvc_cli.output.writer import Output


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
            raise click.UsageError(f"{option} takes one cluster: choose it with -c", click_context)
        answers = _ask_each(click_context, context, names, lambda: command(*args, **given))
        return _show_all(context.output, answers)

    return cast("Command", asked)


class _Answer(NamedTuple):
    """What one cluster answers: a command's exit code, or the error that ended it."""

    gathered: Gathered
    code: int
    error: PvcError | None = None


def _ask_each(
    click_context: click.Context, context: Context, names: Sequence[str], ask: Callable[[], object]
) -> list[_Answer]:
    """Run a command that lists on the clusters called *names* at the same time, and return their answers, in order.

    :raises ConfigError: if one of them is not configured: then none is asked.
    """
    for name in names:
        resolve(name, None)
    left = dict.fromkeys(names)

    def ask_one(name: str) -> _Answer:
        output = context.output.gathering(name)
        gathered = cast("Gathered", output.gathered)
        # Click keeps one context for each thread.
        own = click.Context(
            click_context.command, click_context.parent, click_context.info_name, obj=context.on(name, output)
        )
        try:
            with own:
                status = ask()
        except PvcError as error:
            return _Answer(gathered, error.exit_code, error)
        finally:
            left.pop(name)
        return _Answer(gathered, status if isinstance(status, int) else 0)

    with context.output.alive(lambda: f"Reading {', '.join(list(left))}"):
        begun = [in_thread(functools.partial(ask_one, name)) for name in names]
        return [wait() for wait in begun]


def _show_all(output: Output, answers: Sequence[_Answer]) -> int:
    """Show *answers* as one list, and return the highest exit code.

    A cluster that does not answer, or refuses, hides no other; its error is reported, with its name.
    """
    for gathered, _, error in answers:
        output.pass_on(gathered)
        if error and error.exit_code == EXIT_USAGE:
            # What is wrong with the command line is wrong for each.
            raise error
        if error:
            say(output, error.kind, f"{gathered.cluster}: {error}", error.exit_code, *error.more)
    if found := [answer.gathered for answer in answers if answer.gathered.answered]:
        _show(output, found)
    return max(answer.code for answer in answers)


def _show(output: Output, found: Sequence[Gathered]) -> None:
    headers, wide, wrap, below = found[0].columns
    layout = output.layout
    if layout.columns and word_for(CLUSTER) not in map(word_for, layout.columns):
        output.layout = layout._replace(columns=(CLUSTER, *layout.columns))

    def rows() -> list[Row]:
        pairs = [(row, row) for gathered in found for row in gathered.rows]
        return [row for row, _ in sort_rows(layout, (*headers, *wide), pairs)]

    output.show(
        lambda: [document for gathered in found for document in gathered.documents],
        names=lambda: [name for gathered in found for name in gathered.names],
        table=lambda: output.table(headers, rows(), wide=wide, wrap=wrap, below=below),
    )
    if things := next((gathered.things for gathered in found if gathered.things), ""):
        output.count(sum(gathered.count for gathered in found), things)
