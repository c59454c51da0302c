"""Call clusters by the names that their servers are saved under."""

from collections.abc import Iterable
from contextlib import suppress

from pvc_cli.connections.resolve import SANDBOX
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.connections.saved import Connections
from pvc_cli.connections.servers import sharing
from pvc_cli.errors import PvcError


def names_of(clusters: Iterable[str]) -> dict[str, str]:
    """Return the names of *clusters*, by their servers: the saved connection's, or ``sandbox`` if it runs there.

    Connections that cannot be read name none.
    """
    known = dict.fromkeys(filter(None, [sandbox_hosts()]), SANDBOX)
    with suppress(PvcError):
        known |= {hosts: name for name, hosts in Connections.load().hosts.items()}
    wanted = set(clusters)
    found = {cluster: known[cluster] for cluster in wanted & known.keys()}
    shared = sharing(wanted - found.keys(), known)
    return found | {cluster: known[same[0]] for cluster, same in shared.items() if same}
