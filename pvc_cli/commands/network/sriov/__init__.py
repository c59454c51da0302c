"""Network functions that virtual machines use directly (SR-IOV).

A physical function (PF), such as ens1f0, is a port of a node's network card; its virtual functions (VFs),
ens1f0v0 and on, are given to VMs.
"""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "agent": "Bring this node's network cards and the tree into line.",
        "pf": "Look at physical functions, the ports of network cards.",
        "vf": "Configure virtual functions, and say which VM uses which.",
    },
)
