"""``pvc network sriov pf``: look at physical functions, the ports of network cards."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "info": "Show a physical function, its virtual functions, and who uses them.",
        "list": "List the physical functions of NODE, or of all nodes.",
    },
    help="Look at physical functions, the ports of network cards.",
)
