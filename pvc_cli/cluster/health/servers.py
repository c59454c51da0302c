"""What is wrong with the ZooKeeper servers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pvc_cli.cluster.health.model import Problem

if TYPE_CHECKING:
    from pvc_cli.zk.ensemble import EnsembleReport

_SEE = "pvc connection test"
_NO_SPARE, _SPARE = 50, 10
"""PVC does not look at them; without a majority, nothing works."""


def server_problems(found: EnsembleReport | None) -> Iterator[Problem]:
    """Yield what is wrong with the servers, as *found*; nothing of a backup, which has none."""
    if found is None:
        return
    weight = _SPARE if found.answering > found.needed else _NO_SPARE
    for server in found.servers:
        if not server.answers:
            what = f"{server.name} does not answer ({server.reason}): {found.summary}"
            yield Problem("zookeeper", what, _SEE, weight)
        elif server.state == "waits":
            yield Problem("zookeeper", f"{server.name} answers, but serves nobody", _SEE, weight)
        if server.followers is not None and (server.followers_in_step or 0) < server.followers:
            what = f"{server.followers_in_step or 0} of the {server.followers} followers of {server.name} are in step"
            yield Problem("zookeeper", what, _SEE)
    if len(found.servers) > 1:
        for server in found.standalone:
            what = f"{server.name} stands alone: it has a tree of its own, and the other servers are not its"
            yield Problem("zookeeper", what, _SEE, _NO_SPARE)
    if found.others:
        what = f"{found.others} more servers vote than this connection names: it does not ask them"
        yield Problem("zookeeper", what, _SEE, 0)
