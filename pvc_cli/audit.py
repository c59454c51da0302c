"""Leave a line in the system's log for every command that changes a cluster."""

from __future__ import annotations

import shlex
import sys
import syslog
from collections.abc import Callable

from pvc_cli import identity
from pvc_cli.errors import printable


def announce_once(hosts: str) -> Callable[[], None]:
    """Return a function that logs, at its first call only, who is about to change the cluster at *hosts*, and how.

    The line is written before the first change is sent, so that no interruption can leave a change without one.
    It goes to syslog's AUTH facility; without a syslog daemon it goes nowhere, and nothing fails.
    """
    announced = False

    def announce() -> None:
        nonlocal announced
        if not announced:
            announced = True
            command = " ".join(shlex.quote(printable(word)) for word in ("pvc", *sys.argv[1:]))
            syslog.openlog("pvc", syslog.LOG_PID, syslog.LOG_AUTH)
            syslog.syslog(syslog.LOG_NOTICE, f"user={identity.user()} cluster={printable(hosts)} command={command}")

    return announce
