"""Who runs pvc: for locks and the log."""

import os
import pwd
import socket


def user() -> str:
    """Return the user's name; with sudo, the name of the caller."""
    if name := os.environ.get("SUDO_USER"):
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def host() -> str:
    """Return this machine's name up to its first dot: in PVC, the name of the node."""
    return socket.gethostname().partition(".")[0]
