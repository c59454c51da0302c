"""Whether clusters have a server in common, however their servers are spelled."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from pvc_cli.connections.resolve import FILE
from pvc_cli.errors import ConfigError


class _Servers(NamedTuple):
    """The servers of a cluster, as a session takes them."""

    servers: frozenset[tuple[str, int]]
    """Names and ports."""
    chroot: str


def sharing(clusters: Iterable[str], others: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each of *clusters*, those of *others* that have the same chroot on a server in common.

    Servers are the same by name, or else by address. A name that is not resolved in time has no address; what is
    no list of servers, as a backup's name, shares none.

    :param clusters: their ``HOST[:PORT],…[/chroot]``, and those of *others*.
    """
    parsed, parsed_others = ({hosts: _parse(hosts) for hosts in group} for group in (clusters, others))
    pairs = [
        (hosts, other)
        for (hosts, one), (other, two) in itertools.product(parsed.items(), parsed_others.items())
        if one.chroot == two.chroot and one.servers and two.servers
    ]
    same = {pair for pair in pairs if parsed[pair[0]].servers & parsed_others[pair[1]].servers}
    if unsure := [pair for pair in pairs if pair not in same]:
        # Imported here: names tell most clusters.
        from pvc_cli.connections.lookup import look_up

        addresses = look_up(
            name for hosts, other in unsure for name, _ in parsed[hosts].servers | parsed_others[other].servers
        )

        def at(found: _Servers) -> set[tuple[str, int]]:
            return {(address, port) for name, port in found.servers for address in addresses[name]}

        same |= {(hosts, other) for hosts, other in unsure if at(parsed[hosts]) & at(parsed_others[other])}
    return {hosts: [other for other in parsed_others if (hosts, other) in same] for hosts in parsed}


def _parse(hosts: str) -> _Servers:
    """Return the servers that a session with *hosts* would use; none if it is a backup, or invalid."""
    # Imported here: it loads kazoo, and few commands come so far without a session.
    from pvc_cli.zk.connection import parse_hosts

    try:
        servers = [] if hosts.startswith(FILE) else parse_hosts(hosts)
    except ConfigError:
        servers = []
    return _Servers(frozenset(servers), hosts.partition("/")[2].strip("/"))
