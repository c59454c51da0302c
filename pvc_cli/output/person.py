"""Ask the person at the terminal: on standard input, or where that gave names, on the terminal of the process."""

import sys
from pathlib import Path

_TERMINAL = Path("/dev/tty")


def can_ask(*, stdin_used: bool) -> bool:
    """Tell whether there is somebody to ask, who sees the question on standard error.

    :param stdin_used: whether standard input gave what to work on. Another one, such as ``/dev/null``, says that
        nobody is to be asked.
    """
    if not sys.stderr.isatty():
        return False
    if sys.stdin.isatty():
        return True
    if not stdin_used:
        return False
    try:
        with _TERMINAL.open():
            return True
    except OSError:
        return False


def ask(question: str) -> str:
    """Ask *question* and return the line that is typed; what :func:`can_ask` tells must have been yes."""
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.isatty():
        return sys.stdin.readline().strip()
    with _TERMINAL.open() as keyboard:
        return keyboard.readline().strip()
