"""Show VMs and manage their tags."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "dump": "Print the libvirt XML of VMs.",
        "info": "Show the details of VMs.",
        "list": "List VMs.",
        "log": "Show the console log of a VM.",
        "tag": "Manage VM tags.",
    },
)
