"""Which VMs run, as their nodes say: with every keepalive, and not before."""

from pvc_cli.cluster.sriov.model import text_of
from pvc_cli.cluster.values import parse_list
from pvc_cli.zk import ZKHandler


def running_since(handler: ZKHandler, zxid: int) -> dict[str, set[str] | None]:
    """Return the UUIDs of the VMs that run on each node, in two batches.

    :param zxid: a transaction; a node that has sent no keepalive after it knows nothing of it, and has None.
    """
    nodes = handler.children("base.node") or []
    keys = ("node.keepalive", "node.running_domains")
    found = iter(handler.get_znodes((key, node) for node in nodes for key in keys))
    running: dict[str, set[str] | None] = {}
    for node in nodes:
        keepalive, domains = next(found), next(found)
        fresh = keepalive is not None and keepalive.stat.mzxid > zxid
        running[node] = set(parse_list(text_of(domains), None)) if fresh else None
    return running


def says_running(running: dict[str, set[str] | None], node: str, uuid: str) -> bool | None:
    """Return whether a node says that it runs a VM, or None if it says nothing."""
    on = running.get(node)
    return None if on is None else uuid in on
