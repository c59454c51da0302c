"""Manage saved cluster connections."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "add": "Save a cluster connection; it becomes current if none is.",
        "list": "List saved connections.",
        "protect": "Ask for the cluster's name before every change, or refuse changes.",
        "remove": "Remove a saved connection; the cluster is not touched.",
        "show": "Show a connection, or which cluster pvc would use now, and why.",
        "test": "Check each ZooKeeper server of a connection, then open a session.",
        "use": "Make a saved connection the current one.",
    },
)
