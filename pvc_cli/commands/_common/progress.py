"""Confirmation, progress bars, and a safe Ctrl-C."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import click

from pvc_cli.errors import RefusedError
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


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* on the terminal, unless it is answered already.

    :raises RefusedError: if the answer is no, or there is no terminal.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError(f"confirmation required, and no terminal to ask on: rerun with --yes ({question})")
    if not click.confirm(question, err=True):
        raise RefusedError("not confirmed: nothing was changed")
