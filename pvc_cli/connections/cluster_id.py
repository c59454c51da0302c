"""Which cluster it is, however its servers are spelled."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pvc_cli.connections.resolve import FILE
from pvc_cli.connections.servers import sharing
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.base import Base


class ClusterId(NamedTuple):
    """What tells a cluster from others: where its servers are, and when it was initialised."""

    hosts: str
    """The hosts, with the chroot; or ``file:`` and a backup's absolute path."""
    mark: str | None = None
    """When the znode of its schema version was created; None if there is none, and for a backup. No other cluster has
    it but one whose servers were given a copy of the data."""

    def is_same(self, other: ClusterId) -> bool:
        """Tell whether *other* is the same cluster: initialised at the same time, and with a server in common."""
        return not self._is_another(other) and _meet(self.hosts, other.hosts)

    def is_copy(self, other: ClusterId) -> bool:
        """Tell whether *other* has the same data on other servers, as far as names and addresses tell."""
        return self.mark is not None and self.mark == other.mark and not _meet(self.hosts, other.hosts)

    def _is_another(self, other: ClusterId) -> bool:
        return bool(self.mark and other.mark) and self.mark != other.mark


def unsure(then: ClusterId, now: ClusterId, what: str) -> str:
    """Return why *what*, such as ``that the plan is for``, is refused on servers that have the same data."""
    return (
        f"cannot tell whether {now.hosts} is the cluster {then.hosts} {what}, or a copy of its data: if it is the"
        f" same, rerun with --coordinators {then.hosts}"
    )


def identify(handler: ZKHandler) -> ClusterId:
    """Return which cluster *handler* uses."""
    return ClusterId(handler.hosts, mark_of(handler.base))


def mark_of(base: Base | None) -> str | None:
    """Return when a cluster was initialised, from a cluster's schema version as it was read."""
    stat = base.znode.stat if base and base.znode else None
    # A backup knows no times.
    return f"{stat.czxid:x}-{stat.ctime}" if stat and stat.ctime else None


def file_hosts(path: Path) -> str:
    """Return what a backup in a cluster's place is called, from wherever it is looked at."""
    return f"{FILE}{path.expanduser().resolve()}"


def _meet(hosts: str, others: str) -> bool:
    """Tell whether two names are one backup's, or those of clusters with a server in common and the same chroot."""
    return hosts == others or bool(sharing([hosts], [others])[hosts])
