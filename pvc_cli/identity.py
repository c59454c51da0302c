"""Who runs pvc: for locks and the log."""

import os
import pwd
import socket
from pathlib import Path

from pvc_cli.errors import printable

_NO_LOGIN = 2**32 - 1


def user() -> str:
    """Return the name of the user who logged in, else of the one who runs this process.

    The kernel keeps the login's user for the audit, through sudo and su. Without it, root's environment counts,
    because sudo set it; another user could set it to anything.
    """
    if (login := _login_uid()) is not None:
        return _name(login)
    name = os.environ.get("SUDO_USER")
    return printable(name) if name and os.getuid() == 0 else _name(os.getuid())


def _login_uid() -> int | None:
    try:
        number = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if number == _NO_LOGIN else number


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def host() -> str:
    """Return this machine's name up to its first dot: in PVC, the name of the node."""
    return socket.gethostname().partition(".")[0]
