"""Look at what connects virtual machines."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "sriov": "Network functions that virtual machines use directly (SR-IOV).",
    },
)
