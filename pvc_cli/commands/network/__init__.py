"""``pvc network``: manage what connects VMs."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "sriov": "Manage SR-IOV network functions, which VMs use directly.",
    },
    help="Manage what connects VMs.",
)
