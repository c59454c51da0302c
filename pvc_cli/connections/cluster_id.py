"""Which cluster it is, however its servers are spelled."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

from pvc_cli.zk import ZKHandler
from pvc_cli.zk.base import Base

FILE = "file:"
"""What the name of a backup in a cluster's place begins with."""


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
    """Tell whether two clusters have a server in common, by name or by address, and the same chroot."""
    if FILE in (hosts[: len(FILE)], others[: len(FILE)]):
        return hosts == others
    (names, chroot), (other_names, other_chroot) = _servers(hosts), _servers(others)
    if chroot != other_chroot:
        return False
    return bool(names & other_names) or bool(_addresses(names) & _addresses(other_names))


def _servers(hosts: str) -> tuple[frozenset[tuple[str, str]], str]:
    """Return the names and ports of servers, and the chroot."""
    servers, _, chroot = hosts.partition("/")
    return frozenset(_split(server.strip().lower()) for server in servers.split(",")), chroot.strip("/")


def _split(server: str) -> tuple[str, str]:
    name, _, port = server.rpartition(":")
    if not port.isdigit() or server.endswith("]"):
        name, port = server, "2181"
    return name.strip("[]"), port


@functools.cache
def _addresses(servers: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Return the addresses and ports of servers; a name that cannot be resolved has none."""
    return frozenset((address, port) for name, port in servers for address in _resolve(name))


@functools.cache
def _resolve(name: str) -> frozenset[str]:
    # Imported here: few commands compare clusters.
    import socket

    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return frozenset()
