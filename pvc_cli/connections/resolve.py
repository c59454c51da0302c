"""Which cluster is meant: flags, then the environment, the connections file, PVC's own configuration, the sandbox."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pvc_cli.connections.auth import read_access
from pvc_cli.connections.node_config import configured_hosts
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import ConfigError, NoClusterError, quoted
from pvc_cli.zk.access import NO_ACCESS, Access

_FILE = "file:"


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to talk to, and who said so."""

    hosts: str
    """``HOST[:PORT],…[/chroot]``, or ``file:PATH`` for a backup."""
    origin: str
    access: Access = NO_ACCESS
    """How to be let in."""

    @property
    def file(self) -> Path | None:
        """The backup file that stands for a cluster, if it is one."""
        return Path(self.hosts.removeprefix(_FILE)).expanduser() if self.hosts.startswith(_FILE) else None


def resolve(connection: str | None, coordinators: str | None, pvc_config: Path | None = None) -> Target:
    """Return the cluster that is meant.

    :param connection: the value of ``--connection``, if given: a name from the connections file, or a backup
        as ``file:PATH``.
    :param coordinators: the value of ``--coordinators``, if given.
    :param pvc_config: a node's PVC configuration, instead of this machine's.
    :raises ConfigError: if none is named anywhere, or the one that is cannot be used.
    """
    if connection and coordinators:
        raise ConfigError("--connection and --coordinators name two clusters: give one of them")
    if coordinators:
        return Target(coordinators, "--coordinators", read_access({}, ""))
    if connection:
        return _named(connection, "--connection")
    environment = os.environ
    if hosts := environment.get("PVC_COORDINATORS"):
        if environment.get("PVC_CONNECTION"):
            raise ConfigError("PVC_CONNECTION and PVC_COORDINATORS name two clusters: unset one of them")
        return Target(hosts, "PVC_COORDINATORS", read_access({}, ""))
    if name := environment.get("PVC_CONNECTION"):
        return _named(name, "PVC_CONNECTION")
    connections = Connections.load()
    if connections.current:
        return _named(connections.current, f"the current entry of {connections.path}", connections)
    if found := configured_hosts(pvc_config):
        return Target(found[0], str(found[1]), read_access({}, ""))
    if hosts := sandbox_hosts():
        return Target(hosts, "the running sandbox")
    raise NoClusterError


def _named(name: str, origin: str, connections: Connections | None = None) -> Target:
    if name.startswith(_FILE):
        return Target(name, origin)
    connections = connections or Connections.load()
    if name not in connections.hosts:
        raise ConfigError(
            f"there is no connection {quoted(name)} in {connections.path} (from {origin}):"
            " see 'pvc connection list', or add it with 'pvc connection add'"
        )
    return Target(connections.hosts[name], origin, connections.access(name))
