"""Show a long text in a pager, as people know it from git and man."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

from pvc_cli.output.terminal import obeys_codes

_USUAL = "less"


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


def show_in_pager(pager: list[str], text: str) -> None:
    """Show *text* until the pager ends; it may be quit early."""
    sys.stdout.flush()
    # Quit if it fits after all, show colours, leave the text on the terminal, and cut lines that are too long.
    environment = {"LESS": "FRSX", **os.environ}
    with subprocess.Popen(pager, stdin=subprocess.PIPE, env=environment) as process:  # noqa: S603 - who runs pvc chose it
        # Ctrl-C is for the pager: it stops a search there.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with suppress(BrokenPipeError):
                process.communicate(text.encode("utf-8", "backslashreplace"))
        finally:
            signal.signal(signal.SIGINT, before)
