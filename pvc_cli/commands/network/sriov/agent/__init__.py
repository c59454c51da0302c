"""Keep this node's network cards and the tree in sync.

The agent runs as root on the node that it manages. It creates the VFs that the node's PVC configuration asks
for, registers them in the tree, and applies the settings of 'pvc sriov vf set' to the card.
"""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "run": "Run the agent until SIGTERM; SIGHUP reloads its configuration.",
        "status": "Show the agents of all nodes, and what they report; exit 1 if something is wrong.",
        "sync": "Run one full round of the agent.",
    },
)
