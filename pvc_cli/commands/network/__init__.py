"""``pvc network``: look at what connects virtual machines."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "sriov": "Network functions that virtual machines use directly (SR-IOV).",
    },
    help="Look at what connects virtual machines.",
)
