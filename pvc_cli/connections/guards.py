"""What guards which servers against changes: the entries of the connections file, each judged by itself."""

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


def read_guards() -> tuple[list[Guard], list[ConfigError]]:
    """Return what the connections file protects, and why that is not known of the rest.

    A bad entry changes nothing about the others.
    """
    # Imported here: it loads kazoo, and most connections are not protected.
    from pvc_cli.zk.connection import parse_hosts

    try:
        path, entries, _ = read_entries()
    except ConfigError as error:
        return [], [error]
    guards, unknown = list[Guard](), list[ConfigError]()
    for name, entry in entries.items():
        if not isinstance(entry, dict) or PROTECTION not in entry:
            continue
        try:
            hosts = coordinators_of(path, name, entry)
            parse_hosts(hosts)
        except ConfigError as error:
            unknown.append(error)
            continue
        try:
            if protection := protection_of(path, name, entry):
                guards.append(Guard(name, hosts, protection))
        except ConfigError as error:
            guards.append(Guard(name, hosts, "read-only", str(error)))
    return guards, unknown
