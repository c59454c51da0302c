"""Call clusters by the names that their servers are saved under."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from pvc_cli.connections.protection import share_a_server
from pvc_cli.connections.resolve import SANDBOX
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import PvcError


def names_of(clusters: Iterable[str]) -> dict[str, str]:
    """Return the names of *clusters*, by their servers: the saved connection's, or ``sandbox`` if it runs there.

    Connections that cannot be read name none.
    """
    known = dict.fromkeys(filter(None, [sandbox_hosts()]), SANDBOX)
    with suppress(PvcError):
        known |= {hosts: name for name, hosts in Connections.load().hosts.items()}
    found = {cluster: known.get(cluster) or _sharing(cluster, known) for cluster in set(clusters)}
    return {cluster: name for cluster, name in found.items() if name}


def _sharing(cluster: str, known: Mapping[str, str]) -> str | None:
    """Return the name of what has a server of *cluster*."""
    for hosts, name in known.items():
        with suppress(PvcError):
            if share_a_server(hosts, cluster):
                return name
    return None
