"""Which cluster it is, however its servers are spelled."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pvc_cli.zk import ZKHandler
from pvc_cli.zk.base import Base

FILE = "file:"
"""What the name of a backup in a cluster's place begins with."""


class ClusterId(NamedTuple):
    """What tells a cluster from all others."""

    hosts: str
    """The hosts, with the chroot; or ``file:`` and a backup's absolute path."""
    mark: str | None = None
    """When the znode of its schema version was created, which no other cluster has; None if there is none, and for a
    backup."""

    def is_same(self, other: ClusterId) -> bool:
        """Tell whether *other* is the same cluster: by when it was initialised, or else by its hosts."""
        if self.mark and other.mark:
            return self.mark == other.mark
        return _servers(self.hosts) == _servers(other.hosts)


def identify(handler: ZKHandler) -> ClusterId:
    """Return which cluster *handler* uses."""
    return ClusterId(handler.hosts, mark_of(handler.base))


def mark_of(base: Base | None) -> str | None:
    """Return what no other cluster has, from a cluster's schema version as it was read."""
    stat = base.znode.stat if base and base.znode else None
    # A backup knows no times.
    return f"{stat.czxid:x}-{stat.ctime}" if stat and stat.ctime else None


def file_hosts(path: Path) -> str:
    """Return what a backup in a cluster's place is called, from wherever it is looked at."""
    return f"{FILE}{path.expanduser().resolve()}"


def _servers(hosts: str) -> tuple[frozenset[str], str]:
    if hosts.startswith(FILE):
        return frozenset({hosts}), ""
    servers, _, chroot = hosts.partition("/")
    return frozenset(_with_port(server.strip().lower()) for server in servers.split(",")), chroot.strip("/")


def _with_port(server: str) -> str:
    return server if server.rpartition(":")[2].isdigit() and not server.endswith("]") else f"{server}:2181"
