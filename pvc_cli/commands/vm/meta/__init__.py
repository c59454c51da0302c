"""Show and set where VMs may run, and how they are migrated."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "get": "Show the metadata of VMs.",
        "set": "Set the metadata of VMs.",
    },
)
