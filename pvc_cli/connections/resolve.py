"""Which cluster to use: options, environment, saved connections, PVC's own configuration, sandbox."""

import os
from pathlib import Path
from typing import NamedTuple

from pvc_cli.connections.auth import environment_access
from pvc_cli.connections.node_config import configured_hosts
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.connections.saved import Connections, Protection
from pvc_cli.errors import (
    ConfigError,
    InvalidInputError,
    NoClusterError,
    SeveralClustersError,
    hint,
    hint_in,
    quoted,
    quoted_whole,
)
from pvc_cli.zk.access import NO_ACCESS, Access

FILE = "file:"
"""What the name of a backup in place of a cluster begins with."""
SANDBOX = "sandbox"
"""The name of the running sandbox, if no saved connection has it."""


class Target(NamedTuple):
    """A cluster, and where it was configured."""

    hosts: str
    """``HOST[:PORT],…[/chroot]``, or ``file:PATH`` for a backup."""
    origin: str
    access: Access = NO_ACCESS
    """How to authenticate."""
    name: str = ""
    """The saved connection's name, if it is one."""
    protection: Protection | None = None
    """What guards it against changes."""

    @property
    def label(self) -> str:
        """What people call it: its name, or else its servers."""
        return self.name or self.hosts

    @property
    def in_words(self) -> str:
        """Which cluster it is, and why it is used."""
        servers = f"{self.hosts}, " if self.name else ""
        return f"{self.label} ({servers}from {self.origin})"

    @property
    def file(self) -> Path | None:
        """The backup file, if the cluster is one."""
        return Path(self.hosts.removeprefix(FILE)).expanduser() if self.hosts.startswith(FILE) else None


def several(connection: str | None, coordinators: str | None) -> list[str]:
    """Return the names of the clusters that are named, with commas, in place of one; none if it is one.

    A saved connection or a backup whose name has a comma is one.

    :raises InvalidInputError: if a name is empty, or there twice.
    """
    environment = os.environ
    named = connection or ("" if environment.get("PVC_COORDINATORS") else environment.get("PVC_CONNECTION", ""))
    if coordinators or "," not in named or named in _load().hosts:
        return []
    if named.startswith(FILE) and (file := Target(named, "").file) and file.exists():
        return []
    names = [name.strip() for name in named.split(",")]
    if "" in names or len(set(names)) < len(names):
        raise InvalidInputError(f"{quoted(named)} is not a list of clusters: name each once, with one comma between")
    return names


def resolve(connection: str | None, coordinators: str | None, pvc_config: Path | None = None) -> Target:
    """Return the cluster to use.

    :param connection: the value of ``--connection``, if given: a name from the connections file, or a backup
        as ``file:PATH``, or ``sandbox`` for the running one.
    :param coordinators: the value of ``--coordinators``, if given.
    :param pvc_config: a node's PVC configuration, instead of this machine's.
    :raises ConfigError: if none is configured, or its configuration is invalid.
    :raises SeveralClustersError: if several are named.
    """
    if names := several(connection, coordinators):
        raise SeveralClustersError(names)
    if connection and coordinators:
        raise ConfigError("--connection and --coordinators exclude each other: use one of them")
    if coordinators:
        return Target(coordinators, "--coordinators", environment_access())
    if connection:
        return _named(connection, "--connection")
    environment = os.environ
    if hosts := environment.get("PVC_COORDINATORS"):
        if environment.get("PVC_CONNECTION"):
            raise ConfigError("PVC_CONNECTION and PVC_COORDINATORS exclude each other: unset one of them")
        return Target(hosts, "PVC_COORDINATORS", environment_access())
    if name := environment.get("PVC_CONNECTION"):
        return _named(name, "PVC_CONNECTION")
    connections = _load()
    if connections.current:
        return _named(connections.current, f"the current entry of {connections.path}", connections)
    if found := configured_hosts(pvc_config):
        return Target(found[0], str(found[1]), environment_access())
    if hosts := sandbox_hosts():
        return Target(hosts, "the running sandbox", name=SANDBOX)
    raise NoClusterError


def _load() -> Connections:
    """Return the saved connections.

    :raises ConfigError: if they cannot be read; it says how to do without them.
    """
    try:
        return Connections.load()
    except ConfigError as error:
        if hint_in(str(error)):
            raise
        raise ConfigError(f"{error}: repair the file, or use --coordinators HOST[:PORT],…") from None


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # It is too long for the name of one.
        return False


def _named(name: str, origin: str, connections: Connections | None = None) -> Target:
    if name.startswith(FILE):
        return Target(name, origin)
    connections = connections or _load()
    if name == SANDBOX and name not in connections.hosts:
        if hosts := sandbox_hosts():
            return Target(hosts, "the running sandbox", name=SANDBOX)
        raise ConfigError("no sandbox is running: start one with 'pvc sandbox start'")
    if name not in connections.hosts:
        if _is_file(name):
            raise ConfigError(
                f"{quoted(name)} (from {origin}) is a file, not a connection: use it as {quoted_whole(FILE + name)}"
            )
        advice = hint(
            name,
            [*connections.hosts, SANDBOX],
            "see 'pvc connection list', or add it with 'pvc connection add'",
        )
        raise ConfigError(f"there is no connection {quoted(name)} in {connections.path} (from {origin}): {advice}")
    return saved_target(connections, name, origin)


def saved_target(connections: Connections, name: str, origin: str) -> Target:
    """Return the cluster of a saved connection.

    :raises ConfigError: if its entry is invalid.
    """
    return Target(connections.hosts[name], origin, connections.access(name), name, connections.protection(name))
