"""Look at physical functions, the ports of network cards."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "info": "Show a physical function, its virtual functions, and who uses them.",
        "list": "List the physical functions of NODE, or of all nodes.",
    },
)
