"""Manage virtual functions (VFs): settings, and which VM uses which."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "apply": "Apply a file of VF settings.",
        "audit": "Compare claims with the VMs' XML and nodes.",
        "claim": "Assign a VF to a VM (atomic).",
        "export": "Write a file that says how VFs are set, for 'pvc sriov vf apply'.",
        "history": "Show what changed on a VF, the latest first.",
        "info": "Show a VF, and what the agent of its node reports of it.",
        "list": "List the VFs of NODE, of its PF, or of all nodes.",
        "release": "Mark a VF unused.",
        "set": "Change settings of VFs; omitted ones stay.",
    },
    sections={
        "Find and watch": ("list", "info", "history", "audit"),
        "Change": ("claim", "release", "set"),
        "From a file": ("export", "apply"),
    },
)
