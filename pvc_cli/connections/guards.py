"""What guards which servers against changes: the entries of the connections file, each judged by itself."""

from collections.abc import Callable
from typing import NamedTuple

from pvc_cli.connections.saved import PROTECTION, Protection, coordinators_of, protection_of, read_entries
from pvc_cli.errors import ConfigError


class Guard(NamedTuple):
    """The protection of a saved connection's servers."""

    name: str
    hosts: str
    protection: Protection
    error: str = ""
    """Why it counts as read-only, if its entry has an unknown protection."""


def read_guards(on_unknown: Callable[[ConfigError], object]) -> list[Guard]:
    """Return what the connections file protects; a bad entry changes nothing about the others.

    :param on_unknown: is told why it is not known what an entry protects.
    :raises ConfigError: if the whole file cannot be read.
    """
    # Imported here: it loads kazoo, and most connections are not protected.
    from pvc_cli.zk.connection import parse_hosts

    guards = []
    path, entries, _ = read_entries()
    for name, entry in entries.items():
        if not isinstance(entry, dict) or PROTECTION not in entry:
            continue
        try:
            hosts = coordinators_of(path, name, entry)
            parse_hosts(hosts)
        except ConfigError as error:
            on_unknown(error)
            continue
        try:
            if protection := protection_of(path, name, entry):
                guards.append(Guard(name, hosts, protection))
        except ConfigError as error:
            guards.append(Guard(name, hosts, "read-only", str(error)))
    return guards
