"""Ask the person at the terminal, wherever the standard streams go."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

_TERMINAL = Path("/dev/tty")


def can_ask(*, stdin_used: bool) -> bool:
    """Tell whether there is somebody to ask: who sits at standard input, or behind a pipe with names for it.

    :param stdin_used: whether standard input gave what to work on. Another one, such as ``/dev/null``, says that
        nobody is to be asked.
    """
    if sys.stdin.isatty():
        return sys.stderr.isatty() or _has_terminal()
    return stdin_used and _has_terminal()


def ask(question: str, *, stdin_used: bool, nobody: Exception) -> str:
    """Ask *question* and return the line that is typed, empty if none is.

    :param stdin_used: as :func:`can_ask` takes it.
    :param nobody: what to raise where nobody can be asked: a job that lost its shell has a terminal that it may not
        read from, for one.
    """
    if not can_ask(stdin_used=stdin_used):
        raise nobody
    with _conversation() as (keyboard, screen):
        screen.write(question)
        screen.flush()
        try:
            line: str | None = keyboard.readline()
        except OSError:
            line = None
        if not line or not line.endswith("\n"):
            # Nobody has pressed Enter, and what comes next needs a line of its own.
            screen.write("\n")
            screen.flush()
    if line is None:
        raise nobody
    return line.strip()


@contextlib.contextmanager
def _conversation() -> Iterator[tuple[TextIO, TextIO]]:
    """Give what a person types, and where that person sees what is written."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        yield sys.stdin, sys.stderr
        return
    with _TERMINAL.open() as keyboard, _TERMINAL.open("w") as screen:
        yield keyboard, screen


def _has_terminal() -> bool:
    try:
        with _TERMINAL.open():
            return True
    except OSError:
        return False
