"""Which cluster is meant: flags, then the environment, the connections file, PVC's own configuration, the sandbox."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pvc_cli.access import NO_ACCESS, Access
from pvc_cli.credentials import read_access, require_private
from pvc_cli.errors import ConfigError, NoClusterError, quoted

PVC_CONFIG = Path("/etc/pvc/pvc.conf")
_ZOOKEEPER_PORT = 2181
_FILE = "file:"
_HOW_TO_NAME_ONE = (
    "name its ZooKeeper servers with --coordinators HOST[:PORT],…, keep them with"
    " 'pvc connection add NAME HOST[:PORT],…', or try pvc on a demo cluster with 'pvc sandbox start'"
)


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
    if target := _from_pvc_config(pvc_config):
        return target
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


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections file: names for clusters, and which one is current."""

    path: Path
    hosts: Mapping[str, str]
    """Each connection's ZooKeeper servers, by its name."""
    current: str | None = None
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What else a connection's entry says, by its name: how to be let in."""

    @classmethod
    def load(cls) -> Connections:
        """Read the connections file; one that is not there is empty.

        :raises ConfigError: if it cannot be read or makes no sense.
        """
        path = _folder("XDG_CONFIG_HOME", ".config") / "connections.yaml"
        try:
            document = read_yaml(path)
        except FileNotFoundError:
            return cls(path, {})
        document = {} if document is None else document
        entries = document.get("connections") or {} if isinstance(document, dict) else None
        if not isinstance(entries, dict):
            raise ConfigError(f"{path} is not a connections file: it needs a mapping 'connections'")
        hosts, more = {}, {}
        for name, entry in entries.items():
            servers = entry.get("coordinators") if isinstance(entry, dict) else None
            if not isinstance(servers, str):
                raise ConfigError(f"{path}: connection {quoted(name)} names no 'coordinators'")
            hosts[str(name)] = servers
            if rest := {key: value for key, value in entry.items() if key != "coordinators"}:
                more[str(name)] = rest
            if "password" in rest:
                require_private(path)
        current = document.get("current")
        return cls(path, hosts, str(current) if current else None, more)

    def access(self, name: str) -> Access:
        """Return how to be let in to a connection that is kept; the environment wins.

        :raises ConfigError: if what is said of that makes no sense, or a password lies open.
        """
        return read_access(self.more.get(name, {}), f"{self.path}, connection {quoted(name)}: ")

    def save(self) -> None:
        """Replace the connections file.

        :raises ConfigError: if it cannot be written.
        """
        import yaml

        from pvc_cli.files import replace_file

        document = {
            "current": self.current,
            "connections": {
                name: {"coordinators": hosts, **self.more.get(name, {})} for name, hosts in sorted(self.hosts.items())
            },
        }
        try:
            replace_file(self.path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror}") from None


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - a foreign document can be anything
    """Return the document in the YAML file at *path*.

    :raises FileNotFoundError: if there is no such file.
    :raises ConfigError: if it cannot be read, or is no YAML.
    """
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{path}{where} is no valid YAML: {reason}") from None


def _from_pvc_config(given: Path | None) -> Target | None:
    """Return the cluster of this machine's PVC configuration, if it has one."""
    named = os.environ.get("PVC_CONFIG_FILE")
    path = given or (Path(named) if named else PVC_CONFIG)
    try:
        document = read_yaml(path)
    except FileNotFoundError:
        if named:
            raise ConfigError(f"PVC_CONFIG_FILE names {path}, which is not there") from None
        return None
    nodes = dig(document, "cluster", "coordinator_nodes")
    if not (isinstance(nodes, list) and nodes and all(isinstance(node, str) and node for node in nodes)):
        raise ConfigError(f"{path}: cluster.coordinator_nodes is no list of host names: {_HOW_TO_NAME_ONE}")
    port = dig(document, "database", "zookeeper", "port")
    port = _ZOOKEEPER_PORT if port is None else port
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigError(f"{path}: database.zookeeper.port is no port: give a number from 1 to 65535")
    domain = dig(document, "cluster", "networks", "cluster", "domain")
    hosts = ",".join(f"{_resolvable(node, domain)}:{port}" for node in nodes)
    return Target(hosts, str(path), read_access({}, ""))


def dig(document: object, *names: str) -> object:
    """Return what lies under *names* in nested mappings, or None."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _resolvable(node: str, domain: object) -> str:
    """Return *node* as PVC's daemons use it, or, where that does not resolve, in the cluster's domain."""
    if "." in node or not isinstance(domain, str):
        return node
    try:
        socket.getaddrinfo(node, None)
    except OSError:
        return f"{node}.{domain}"
    return node


def backup_folder() -> Path:
    """Return the folder for the backups that are made before a change."""
    return _folder("XDG_STATE_HOME", ".local/state") / "backups"


def sandbox_folder() -> Path:
    """Return the folder in which the sandbox keeps its servers' data and its state."""
    return _folder("XDG_STATE_HOME", ".local/state") / "sandbox"


def sandbox_hosts() -> str | None:
    """Return what to connect to for the running sandbox, or None if none runs."""
    try:
        state = json.loads((sandbox_folder() / "state.json").read_text(encoding="utf-8"))
        hosts, processes = str(state["hosts"]), [int(process) for process in state["processes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return hosts if any(is_sandbox_process(process) for process in processes) else None


def is_sandbox_process(process: int) -> bool:
    """Tell whether *process* is one of the sandbox's servers, and not another that got its number since."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
    return str(sandbox_folder()).encode() in command


def _folder(variable: str, default: str) -> Path:
    """Return pvc's folder below the one that *variable* names."""
    given = os.environ.get(variable)
    return (Path(given) if given else Path.home() / default) / "pvc"
