"""Manage SR-IOV network functions, which VMs use directly.

A physical function (PF), such as ens1f0, is a port of a node's network card. Its virtual functions (VFs),
ens1f0v0, ens1f0v1 and so on, are assigned to VMs.
"""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "agent": "Keep this node's network cards and the tree in sync.",
        "pf": "Show, resize and rename physical functions (PFs), the ports of network cards.",
        "vf": "Manage virtual functions (VFs): settings, and which VM uses which.",
    },
)
