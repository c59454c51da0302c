"""Show VMs and manage their tags."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__, __doc__, {"info": "Show the details of VMs.", "list": "List VMs.", "tag": "Manage VM tags."}
)
