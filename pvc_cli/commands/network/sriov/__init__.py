"""``pvc network sriov``: network functions that virtual machines use directly (SR-IOV)."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "agent": "Bring this node's network cards and the tree into line.",
        "pf": "Look at physical functions, the ports of network cards.",
        "vf": "Configure virtual functions, and say which VM uses which.",
    },
    help="""Network functions that virtual machines use directly (SR-IOV).

A physical function (PF), such as ens1f0, is a port of a node's network card; its virtual functions (VFs),
ens1f0v0 and on, are given to VMs.
""",
)
