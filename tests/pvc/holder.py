"""Hold one of PVC's locks: python -m tests.pvc.holder HOSTS LOCK [ITEM]; ends with its standard input.

A line on standard output says that the lock is held. LOCK is one of LOCKS.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from kazoo.client import KazooClient

from tests.pvc.node_daemon import lock_id


class PvcLock(NamedTuple):
    """A lock that PVC takes: kazoo's recipe, and where."""

    recipe: str
    path: str


LOCKS = {
    "a change of a VM's state": PvcLock("Lock", "/domains/{}/state"),
    "a change of the primary": PvcLock("WriteLock", "/config/primary_node/sync_lock"),
    "a migration of a VM": PvcLock("WriteLock", "/domains/{}/migrate_sync_lock"),
    "a start of a daemon": PvcLock("WriteLock", "/schema/version"),
    "a hot update": PvcLock("Lock", "/schema/version"),
    "a wait for the primary": PvcLock("ReadLock", "/schema/version"),
}


def main() -> None:
    """Hold the lock until standard input is closed."""
    hosts, name, *item = sys.argv[1:]
    client = KazooClient(hosts)
    client.start()
    recipe, path = LOCKS[name]
    with getattr(client, recipe)(path.format(*item), lock_id()):
        print(flush=True)
        sys.stdin.read()
    client.stop()
    client.close()


if __name__ == "__main__":
    main()
