"""``pvc connection``: keep names for clusters, and say which is current."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "add": "Keep a cluster's ZooKeeper servers under a name; the first one that is kept becomes current.",
        "list": "List the connections that are kept; the current one is marked.",
        "remove": "Forget a connection; the cluster itself is not touched.",
        "show": "Show a connection, or, without NAME, which cluster pvc would use now, and why.",
        "use": "Make a connection the current one: what pvc uses where nothing else is said.",
    },
    help="Keep names for clusters, and say which is current.",
)
