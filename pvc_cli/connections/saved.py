"""The connections file: saved clusters, and the current one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pvc_cli.connections.auth import read_access, require_private
from pvc_cli.connections.yaml_file import read_yaml, write_yaml
from pvc_cli.errors import ConfigError, quoted
from pvc_cli.files import config_folder
from pvc_cli.zk.access import Access


class Connections(NamedTuple):
    """The saved connections, and the current one."""

    path: Path
    hosts: Mapping[str, str]
    """Each connection's ZooKeeper servers, by its name."""
    current: str | None = None
    more: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """The rest of each connection's entry, by name: how to authenticate."""

    @classmethod
    def load(cls) -> Connections:
        """Read the connections file; a missing one is empty.

        :raises ConfigError: if it cannot be read or is invalid.
        """
        path = config_folder() / "connections.yaml"
        try:
            document = read_yaml(path)
        except FileNotFoundError:
            return cls(path, {})
        document = {} if document is None else document
        entries = document.get("connections") or {} if isinstance(document, dict) else None
        if not isinstance(entries, dict):
            raise ConfigError(f"{path} is not a connections file: expected a mapping 'connections'")
        hosts, more = {}, {}
        for name, entry in entries.items():
            servers = entry.get("coordinators") if isinstance(entry, dict) else None
            if not isinstance(servers, str):
                raise ConfigError(f"{path}: connection {quoted(name)} has no 'coordinators'")
            hosts[str(name)] = servers
            if rest := {key: value for key, value in entry.items() if key != "coordinators"}:
                more[str(name)] = rest
            if "password" in rest:
                require_private(path)
        current = document.get("current")
        return cls(path, hosts, str(current) if current else None, more)

    def access(self, name: str) -> Access:
        """Return how to authenticate to a saved connection; the environment takes precedence.

        :raises ConfigError: if a value is invalid, or a password file is readable by others.
        """
        return read_access(self.more.get(name, {}), f"{self.path}, connection {quoted(name)}: ")

    def save(self) -> None:
        """Replace the connections file.

        :raises ConfigError: if it cannot be written.
        """
        document = {
            "current": self.current,
            "connections": {
                name: {"coordinators": hosts, **self.more.get(name, {})} for name, hosts in sorted(self.hosts.items())
            },
        }
        write_yaml(self.path, document)
