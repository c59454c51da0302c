"""Check a connection: ask each server, then open a session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.connections.resolve import Target
from pvc_cli.errors import PvcError, RefusedError, quoted
from pvc_cli.zk import ZKHandler

if TYPE_CHECKING:
    from pvc_cli.zk.ensemble import EnsembleReport

_ASK = 5.0


class Check(NamedTuple):
    """What became of a connection that was tried."""

    servers: EnsembleReport
    session_ms: float | None
    """How long it took to open a session and to read the schema version, in milliseconds; None if that failed."""
    schema_version: int | None
    error: PvcError | None
    """Why there is no session, or no schema version."""


def check_connection(target: Target, timeout: float, refused_timeout: float | None = None) -> Check:
    """Ask each server of *target*, then open a session with it and read its schema version.

    :param timeout: how long, in seconds, the session may take; the servers get five seconds at most.
    :param refused_timeout: how long servers that all refuse connections are waited for, if not as long.
    :raises RefusedError: if it is a backup file.
    :raises ConfigError: if its servers or credentials are invalid.
    """
    # Imported here: it imports kazoo.
    from pvc_cli.zk.ensemble import ask_servers

    if target.file:
        raise RefusedError(f"{quoted(target.hosts)} is a backup file, and has no servers: nothing to test")
    servers = ask_servers(target.hosts, target.access, patience=min(timeout, _ASK))()
    begun = time.monotonic()
    handler = ZKHandler(target.hosts, access=target.access, timeout=timeout, refused_timeout=refused_timeout)
    try:
        with handler:
            version = handler.read_base().version
    except PvcError as error:
        return Check(servers, None, None, error)
    return Check(servers, round((time.monotonic() - begun) * 1000, 1), version, None)
