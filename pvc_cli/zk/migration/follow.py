"""Wait until the daemons of a living cluster run the schema version that was set, and clean up behind them."""

import time
from collections.abc import Callable, Sequence

from pvc_cli.errors import ConflictError
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.gate import NodeDaemon, behind, read_daemons
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan

_GLANCE = 0.5


def follow(handler: ZKHandler, *, timeout: float, on_wait: Callable[[str], None] = lambda _: None) -> Plan:
    """Wait until every running daemon runs the cluster's schema version, then remove what PVC's migration left.

    The primary coordinator runs PVC's own migration after ours, which leaves znodes at the root. Before all have
    followed, more may come.

    :param timeout: how long to wait, in seconds.
    :param on_wait: is told who is waited for.
    :returns: what was removed or created.
    :raises ConflictError: if a daemon still runs another version then, or its software lacks the cluster's.
    """
    version = handler.refresh_schema().version
    until = time.monotonic() + timeout
    while True:
        daemons = read_daemons(handler)
        waited_for = behind(daemons, version)
        left = until - time.monotonic()
        if not waited_for:
            done = Migration.apply(handler, prune=True).carry_out()
            _require_able(daemons, version)
            return done
        if left <= 0:
            raise ConflictError(
                f"the schema version is {version}, but {', '.join(waited_for)} did not follow within {timeout:g} s:"
                " see 'pvc schema show'; once they have, run 'pvc schema apply --prune'"
            )
        on_wait(f"Waiting {left:.0f} s for {', '.join(waited_for)} to run schema version {version}.")
        time.sleep(min(_GLANCE, left))


def _require_able(daemons: Sequence[NodeDaemon], version: int) -> None:
    """Check that no daemon was forced to a version that it lacks: it says that it runs it, and then ends."""
    unable = [daemon for daemon in daemons if daemon.runs and daemon.known is not None and daemon.known < version]
    if unable:
        known = ", ".join(f"{daemon.name} knows only version {daemon.known}" for daemon in unable)
        raise ConflictError(
            f"the schema version is {version}, but some daemons cannot run it and have ended: {known}; upgrade PVC"
            " there, then start them"
        )
