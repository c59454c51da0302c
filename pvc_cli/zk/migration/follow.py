"""Wait until the daemons of a living cluster run the schema version that was set, and clean up behind them."""

import time
from collections.abc import Callable

from pvc_cli.errors import ConflictError
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.migration.gate import read_daemons
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan
from pvc_cli.zk.schema import parse_version

_GLANCE = 0.5


def follow(handler: ZKHandler, *, timeout: float, on_wait: Callable[[str], None] = lambda _: None) -> Plan:
    """Wait until every running daemon runs the cluster's schema version, then remove what PVC's migration left.

    The primary coordinator runs PVC's own migration after ours, which leaves znodes at the root. Before all have
    followed, more may come.

    :param timeout: how long to wait, in seconds.
    :param on_wait: is told who is waited for.
    :returns: what was removed or created.
    :raises ConflictError: if a daemon still runs another version then.
    """
    version = handler.refresh_schema().version
    until = time.monotonic() + timeout
    while True:
        behind = [
            daemon.name
            for daemon in read_daemons(handler)
            if daemon.runs and (daemon.active is None or parse_version(daemon.active.text) != version)
        ]
        left = until - time.monotonic()
        if not behind:
            return Migration.apply(handler, prune=True).carry_out()
        if left <= 0:
            raise ConflictError(
                f"the schema version is {version}, but {', '.join(behind)} did not follow within {timeout:g} s: see"
                " 'pvc schema show'; once they have, run 'pvc schema apply --prune'"
            )
        on_wait(f"Waiting {left:.0f} s for {', '.join(behind)} to run schema version {version}.")
        time.sleep(min(_GLANCE, left))
