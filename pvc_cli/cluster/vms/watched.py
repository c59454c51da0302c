"""Watch what a list of VMs shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvc_cli.cluster.vms.model import WATCHED_KEYS
from pvc_cli.cluster.vms.read import DOCUMENT_KEYS, SNAPSHOT_KEYS
from pvc_cli.cluster.vms.tags import CONTAINER, detail_keys

if TYPE_CHECKING:
    from pvc_cli.zk import ZKHandler
    from pvc_cli.zk.watch import Watcher

_SNAPSHOTS = "domain.snapshots"


def watch_rows(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes a table of VMs."""
    watcher.watch(children=["base.domain"])
    uuids = handler.children("base.domain") or []
    watcher.watch(
        values=[(key, uuid) for uuid in uuids for key in WATCHED_KEYS],
        children=[(CONTAINER, uuid) for uuid in uuids],
    )


def watch_documents(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes the documents of VMs, statistics aside: every node writes these every few seconds."""
    watcher.watch(children=["base.domain"])
    uuids = handler.children("base.domain") or []
    watcher.watch(
        values=[(key, uuid) for uuid in uuids for key in DOCUMENT_KEYS],
        children=[(key, uuid) for uuid in uuids for key in (CONTAINER, _SNAPSHOTS)],
    )
    tags = handler.children_many((CONTAINER, uuid) for uuid in uuids)
    snapshots = handler.children_many((_SNAPSHOTS, uuid) for uuid in uuids)
    details = [key for uuid, names in zip(uuids, tags, strict=True) for key in detail_keys(uuid, names or ())]
    details += [
        (_SNAPSHOTS, uuid, key, name)
        for uuid, names in zip(uuids, snapshots, strict=True)
        for name in names or ()
        for key in SNAPSHOT_KEYS
    ]
    watcher.watch(values=details)
