"""Manage VM tags."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "add": "Add tags to VMs.",
        "list": "List the tags of VMs, or all tags of the cluster.",
        "remove": "Remove tags from VMs.",
        "rename": "Rename a tag on every VM that has it; its type and protection stay.",
    },
    aliases={"get": "list"},
)
