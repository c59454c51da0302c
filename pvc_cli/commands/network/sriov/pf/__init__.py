"""Show, resize and rename physical functions (PFs), the ports of network cards."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "drain": "Wait until no VM uses a PF's VFs, before they are removed.",
        "info": "Show a PF, its VFs and the VMs that use them, and what the agent of its node reports.",
        "list": "List the PFs of NODE, or of all nodes.",
        "rename": "Rename a PF in the tree, with its VFs, their settings and claims.",
        "set": "Set the number of VFs of a PF, in the configuration of its node.",
    },
)
