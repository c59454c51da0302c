"""``pvc vm``: find virtual machines, and classify them by tags."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "info": "Show all that is known of a virtual machine.",
        "list": "List virtual machines.",
        "tag": "Put tags on virtual machines, list them, take them off.",
    },
    help="Find virtual machines, and classify them by tags.",
)
