"""Bring this node's network cards and the tree into line.

The agent runs on the node that it works for, as root: it creates the VFs that the node's PVC configuration
asks for, writes them into the tree, and makes the card do what 'pvc sriov vf set' wants.
"""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "run": "Work until it is stopped: SIGTERM ends it, SIGHUP makes it read the configuration again.",
        "sync": "Do all that 'run' does, once.",
    },
)
