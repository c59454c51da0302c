"""``pvc network sriov pf``: show physical functions."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "info": "Show a PF, its VFs and the VMs that use them.",
        "list": "List the PFs of NODE, or of all nodes.",
    },
    help="Show physical functions (PFs), the ports of network cards.",
)
