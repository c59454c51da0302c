"""``pvc vm tag``: put tags on virtual machines, list them, take them off."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "add": "Put tags on virtual machines.",
        "list": "List the tags of virtual machines, or, without VM, every tag and how many VMs bear it.",
        "remove": "Take tags off virtual machines.",
    },
    aliases={"get": "list"},
    help="Put tags on virtual machines, list them, take them off.",
)
