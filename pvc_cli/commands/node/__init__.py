"""Show nodes, and tell them what to do."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "flush": "Tell nodes to migrate their VMs away.",
        "info": "Show the details of nodes.",
        "list": "List nodes.",
        "log": "Show the log of a node's daemon.",
        "primary": "Make a node the primary coordinator.",
        "ready": "Tell flushed nodes to take their VMs back.",
        "secondary": "Make the primary coordinator a secondary one; another takes over.",
    },
    sections={
        "Find and watch": ("list", "info", "log"),
        "Maintain": ("flush", "ready", "primary", "secondary"),
    },
)
