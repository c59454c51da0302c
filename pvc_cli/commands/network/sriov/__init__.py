"""``pvc network sriov``: manage SR-IOV network functions."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "agent": "Keep this node's network cards and the tree in sync.",
        "pf": "Show physical functions (PFs).",
        "vf": "Manage virtual functions (VFs): settings, and which VM uses which.",
    },
    help="""Manage SR-IOV network functions, which VMs use directly.

A physical function (PF), such as ens1f0, is a port of a node's network card. Its virtual functions (VFs),
ens1f0v0, ens1f0v1 and so on, are assigned to VMs.
""",
)
