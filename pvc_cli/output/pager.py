"""Show a long text in a pager, as people know it from git and man."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pvc_cli.output.terminal import obeys_codes

_USUAL = "less"
_TURNING = ("less", "more")
"""Pagers whose space bar shows the next page from its first line."""


def pager_for(text: str) -> list[str] | None:
    """Return the command of the pager for *text*; None if it fits the screen, or nobody could turn its pages."""
    if not (sys.stdin.isatty() and obeys_codes(sys.stdout)):
        return None
    # The prompt takes a line, and what a list says below itself another.
    if text.count("\n") + 2 <= (os.get_terminal_size(sys.stdout.fileno()).lines or sys.maxsize):
        return None
    wanted = os.environ.get("PVC_PAGER", os.environ.get("PAGER", _USUAL))
    try:
        words = shlex.split(wanted)
    except ValueError:
        return None
    return words if words and words != ["cat"] and shutil.which(words[0]) else None


def show_in_pager(pager: list[str], text: str, head: str = "") -> None:
    """Show *text* until the pager ends; it may be quit early.

    :param head: the headers of a table, if *text* begins with them: they stand on top of each page.
    """
    sys.stdout.flush()
    program = Path(pager[0]).name
    if head and program in _TURNING:
        text = _with_heads(text, head, os.get_terminal_size(sys.stdout.fileno()).lines - 1)
    # Quit if it fits after all, leave the text on the terminal, and cut lines that are too long.
    environment = {"LESS": "FRSX", **os.environ}
    # Colours are shown whatever else of its options somebody has in LESS.
    command = [*pager, "-R"] if program == _USUAL else pager
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:  # noqa: S603 - who runs pvc chose it
        # Ctrl-C is for the pager: it stops a search there; Ctrl-\ would leave it alone on the terminal.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
        try:
            with suppress(BrokenPipeError):
                process.communicate(text.encode("utf-8", "backslashreplace"))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _with_heads(text: str, head: str, page: int) -> str:
    """Return *text*, which begins with *head*, with that on top of each page of so many lines."""
    _, *rows = text.splitlines()
    room = max(page - 1, 1)
    return "".join(f"{line}\n" for at in range(0, len(rows), room) for line in (head, *rows[at : at + room]))
