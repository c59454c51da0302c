"""Configure virtual functions, and say which VM uses which."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "audit": "Compare claims with what the VMs' XML says and where the VMs are, on NODE or on all nodes.",
        "claim": "Note that VM uses a virtual function. Of all who try at once, one gets it.",
        "info": "Show all that is known of a virtual function.",
        "list": "List the virtual functions of NODE, or of all nodes; with PF, only that one's.",
        "release": "Note that nobody uses a virtual function.",
        "set": "Change settings of virtual functions; what is not given stays.",
    },
)
