"""The JSON documents of ZooKeeper servers and of locks: made here only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pvc_cli.cluster.locks import LockQueue
    from pvc_cli.zk.ensemble import EnsembleReport
    from pvc_cli.zk.server_words import ServerReport

Document = dict[str, Any]


def ensemble_document(found: EnsembleReport) -> Document:
    """Return the document of a cluster's servers."""
    return {
        "healthy": found.healthy,
        "quorum": found.has_quorum,
        "voters": found.voters,
        "answering": found.answering,
        "needed": found.needed,
        "summary": found.summary,
        "servers": [_server_document(server, found.behind(server)) for server in found.servers],
    }


def _server_document(server: ServerReport, behind: int | None) -> Document:
    fields = server._asdict() | {"reason": server.reason or None}
    del fields["quorum_size"]
    return {"name": server.name, **fields, "behind": behind}


def lock_document(lock: LockQueue) -> Document:
    """Return the document of a lock that somebody holds or waits for."""
    return {
        "key": lock.key,
        "item": lock.item or None,
        "uuid": lock.uuid or None,
        "queue": _queue(lock),
    }


def _queue(lock: LockQueue) -> Sequence[Document]:
    return [
        {
            "who": place.who or None,
            "holds": place.holds,
            "shared": place.shared,
            "since": place.since,
            "stuck": place.stuck,
            "session": place.session,
            "contender": place.name,
        }
        for place in lock.queue
    ]
