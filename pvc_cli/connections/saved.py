"""The connections file: saved clusters, and the current one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

from pvc_cli.connections.auth import require_private, saved_access
from pvc_cli.connections.yaml_file import read_yaml, write_yaml
from pvc_cli.errors import ConfigError, quoted
from pvc_cli.files import FileLock, cannot_write, config_folder
from pvc_cli.zk.access import Access

_LOCK_TIMEOUT = 10.0
PROTECTION = "protection"
"""What an entry calls its protection."""
Protection = Literal["confirm", "read-only"]
"""What guards a cluster against changes: its name has to be typed first, or nothing may be changed."""
PROTECTIONS: tuple[Protection, ...] = ("confirm", "read-only")
"""From the weakest on."""


class Connections(NamedTuple):
    """The saved connections, and the current one."""

    path: Path
    hosts: Mapping[str, str]
    """Each connection's ZooKeeper servers, by its name."""
    current: str | None = None
    more: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """The rest of each connection's entry, by name: how to authenticate, and what guards it."""

    @classmethod
    @contextmanager
    def locked(cls) -> Iterator[Connections]:
        """Read the connections file for a ``with`` block that changes it; other pvc processes wait.

        :raises LockError: if another process holds it for too long.
        :raises ConfigError: if it cannot be read, written or is invalid.
        """
        path = _path()
        lock = FileLock(path, _LOCK_TIMEOUT)
        try:
            lock.acquire()
        except OSError as error:
            raise cannot_write(path, error) from None
        with lock:
            yield cls.load()

    @classmethod
    def load(cls) -> Connections:
        """Read the connections file; a missing one is empty.

        :raises ConfigError: if it cannot be read or is invalid.
        """
        path, entries, current = read_entries()
        hosts, more = {}, {}
        for name, entry in entries.items():
            hosts[name] = coordinators_of(path, name, entry)
            if rest := {key: value for key, value in entry.items() if key != "coordinators"}:
                more[name] = rest
            if "password" in rest:
                require_private(path)
        # Read without types, null is a word; older files have it where no connection is current.
        no_current = not isinstance(current, str) or not current or (current == "null" and "null" not in hosts)
        return cls(path, hosts, None if no_current else current, more)

    def access(self, name: str) -> Access:
        """Return how to authenticate to a saved connection: as its entry says; the environment is for other clusters.

        :raises ConfigError: if a value is invalid, or a password file is readable by others.
        """
        entry = {key: value for key, value in self.more.get(name, {}).items() if key != PROTECTION}
        return saved_access(entry, f"{self.path}, connection {quoted(name)}: ")

    def protection(self, name: str) -> Protection | None:
        """Return what guards a saved connection's cluster against changes.

        :raises ConfigError: if its entry says something else than :data:`PROTECTIONS`.
        """
        return protection_of(self.path, name, self.more.get(name, {}))

    def protected(self, name: str, protection: Protection | None) -> Connections:
        """Return these connections with another protection of one of them."""
        others = {kept: entry for kept, entry in self.more.items() if kept != name}
        entry = {key: value for key, value in self.more.get(name, {}).items() if key != PROTECTION}
        entry |= {PROTECTION: protection} if protection else {}
        return self._replace(more={**others, name: entry} if entry else others)

    def save(self) -> None:
        """Replace the connections file.

        :raises ConfigError: if it cannot be written.
        """
        entries = {
            name: {"coordinators": hosts, **self.more.get(name, {})} for name, hosts in sorted(self.hosts.items())
        }
        write_yaml(self.path, ({"current": self.current} if self.current else {}) | {"connections": entries})


def read_entries() -> tuple[Path, dict[str, Any], Any]:
    """Return the connections file's path, its entries by name, as they are written, and what it says is current.

    :raises ConfigError: if it cannot be read, or is not a connections file.
    """
    path = _path()
    try:
        document = read_yaml(path, typed=False)
    except FileNotFoundError:
        return path, {}, None
    document = {} if document in (None, "") else document
    entries = document.get("connections") or {} if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise ConfigError(f"{path} is not a connections file: expected a mapping 'connections'")
    return path, {str(name): entry for name, entry in entries.items()}, document.get("current")


def coordinators_of(path: Path, name: str, entry: object) -> str:
    """Return the servers in the *entry* of connection *name*.

    :raises ConfigError: if it has none.
    """
    servers = entry.get("coordinators") if isinstance(entry, dict) else None
    if not isinstance(servers, str):
        raise ConfigError(f"{path}: connection {quoted(name)} has no 'coordinators'")
    return servers


def protection_of(path: Path, name: str, entry: Mapping[str, Any]) -> Protection | None:
    """Return the protection in the *entry* of connection *name*.

    :raises ConfigError: if it is something else than :data:`PROTECTIONS`.
    """
    found = entry.get(PROTECTION)
    if found is not None and found not in PROTECTIONS:
        raise ConfigError(
            f"{path}, connection {quoted(name)}: {PROTECTION} is {quoted(str(found))}: use {' or '.join(PROTECTIONS)}"
        )
    return cast("Protection | None", found)


def _path() -> Path:
    return config_folder() / "connections.yaml"
