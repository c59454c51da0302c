"""Warn of VMs that a new node limit leaves where they may not run."""

from collections.abc import Mapping, Sequence

from pvc_cli.cluster.vms.metadata import outside_limits
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

_FEW = 3


def warn_of_limits(output: Output, handler: ZKHandler, limits: Mapping[VmRef, Sequence[str]]) -> None:
    """Warn of the VMs that are on none of the nodes that *limits* allow them: PVC moves none because of that."""
    outside = outside_limits(handler, limits)
    told = [f"{vm.name} on {node}" for vm, node in outside.items()]
    if told:
        more = f" and {len(told) - _FEW} more" if len(told) > _FEW else ""
        whose = "its node limit: it stays there" if len(told) == 1 else "their node limits: they stay there"
        output.warning(f"{', '.join(told[:_FEW])}{more}: outside {whose} until 'pvc vm move'")
