"""``pvc sriov``, and ``pvc network sriov``, which is the same."""

from __future__ import annotations

import click

from pvc_cli.commands.lazy import LazyGroup


@click.group(
    cls=LazyGroup,
    lazy={
        "agent": ("pvc_cli.commands.sriov_agent:agent", "Bring this node's network cards and the tree into line."),
        "pf": ("pvc_cli.commands.sriov_pf:pf", "Look at physical functions, the ports of network cards."),
        "vf": ("pvc_cli.commands.sriov_vf:vf", "Configure virtual functions, and say which VM uses which."),
    },
)
def sriov() -> None:
    """Network functions that virtual machines use directly (SR-IOV).

    A physical function (PF), such as ens1f0, is a port of a node's network card; its virtual functions (VFs),
    ens1f0v0 and on, are given to VMs.
    """
