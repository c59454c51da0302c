"""Confirmation, progress bars, and a safe Ctrl-C."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

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


def ask_many(count: int, things: str, *, yes: bool, dry_run: bool) -> None:
    """Ask on a terminal before many *things* are changed: a filter may select more than was thought of.

    :raises RefusedError: if the answer is no.
    """
    if asks(count, yes=yes, dry_run=dry_run):
        cluster = _cluster()
        _ask(f"Change {count} {things}{f' of {cluster}' if cluster else ''}?")


def asks(count: int, *, yes: bool, dry_run: bool) -> bool:
    """Tell whether :func:`ask_many` would ask."""
    return not (yes or dry_run) and count > MANY and person.can_ask(stdin_used=_context().stdin_used)


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* on the terminal, unless it is answered already, naming the cluster.

    :raises RefusedError: if the answer is no, or there is no terminal.
    """
    if not yes:
        cluster = _cluster()
        _ask(f"{cluster}: {question}" if cluster else question)


def _ask(question: str) -> None:
    nobody = RefusedError(f"confirmation required, and no terminal to ask on: rerun with --yes ({question})")
    with _interruptible():
        answer = person.ask(f"{question} [y/N]: ", stdin_used=_context().stdin_used, nobody=nobody)
    if answer.lower() not in ("y", "yes"):
        raise RefusedError("not confirmed: nothing was changed")


def _cluster() -> str:
    """Return what the cluster is called that is used; empty if none is."""
    return printable(_context().cluster)


def _context() -> Context:
    return cast("Context", click.get_current_context().obj)
