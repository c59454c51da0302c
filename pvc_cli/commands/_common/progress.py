"""Confirmation, progress bars, and a safe Ctrl-C."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, cast

import click

from pvc_cli.context import Context
from pvc_cli.errors import RefusedError, printable
from pvc_cli.output import person
from pvc_cli.output.terminal import obeys_codes
from pvc_cli.output.writer import Output


@contextmanager
def progress_bar(output: Output, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Give a function that is told how much is done, of how much; a bar on a terminal's standard error shows it."""
    if not shown or output.quiet or not obeys_codes(sys.stderr):
        yield lambda _done, _all: None
        return
    bar = click.progressbar(length=1, show_pos=True, file=sys.stderr)
    with ExitStack() as stack:
        begun = False

        def step(done: int, total: int) -> None:
            nonlocal begun
            bar.length = total
            # Only now, so that a message before the first step does not end up behind an empty bar.
            if not begun:
                begun = True
                stack.enter_context(bar)
            bar.update(done - bar.pos)

        yield step


@contextmanager
def until_interrupted() -> Iterator[Callable[[], None]]:
    """Yield a function that raises if Ctrl-C was pressed: the command stops only between transactions.

    Pressed a second time, it stops at once.
    """
    pressed = False

    def note(_signal: int, _frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question at once, also where it stops a command only between transactions."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


MANY = 20
"""Above so many things, a change asks on a terminal."""


_SHOWN = 3


class Deed(NamedTuple):
    """What a command does to many things, as a question says it: *verb* things *rest*."""

    verb: str
    rest: str = ""


def ask_many(deed: Deed, things: str, items: Sequence[object], *, yes: bool, dry_run: bool) -> None:
    """Ask on a terminal before *deed* is done to many *items*: a filter may select more than was thought of.

    :param things: what they are, in the plural.
    :raises RefusedError: if the answer is no.
    """
    if asks(len(items), yes=yes, dry_run=dry_run):
        names = ", ".join(printable(str(item)) for item in items[:_SHOWN])
        rest = f" {deed.rest}" if deed.rest else ""
        _ask(_of_cluster(f"{deed.verb} {len(items)} {things} ({names}, …){rest}?"))


def asks(count: int, *, yes: bool, dry_run: bool) -> bool:
    """Tell whether :func:`ask_many` would ask."""
    return not (yes or dry_run) and count > MANY and person.can_ask(stdin_used=_context().stdin_used)


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* on the terminal, unless it is answered already, naming the cluster.

    :raises RefusedError: if the answer is no, or there is no terminal.
    """
    if not yes:
        _ask(_of_cluster(question))


def _ask(question: str) -> None:
    nobody = RefusedError(f"confirmation required, and no terminal to ask on: rerun with --yes ({question})")
    with _interruptible():
        answer = person.ask(f"{question} [y/N]: ", stdin_used=_context().stdin_used, nobody=nobody)
    if answer.lower() not in ("y", "yes"):
        raise RefusedError("not confirmed: nothing was changed")


def _of_cluster(question: str) -> str:
    """Return *question* with what the cluster is called in front, if one is used."""
    cluster = printable(_context().cluster)
    return f"{cluster}: {question}" if cluster else question


def _context() -> Context:
    return cast("Context", click.get_current_context().obj)
