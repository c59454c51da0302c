"""Read all that a report shows of a cluster."""

from __future__ import annotations

import time
from typing import NamedTuple

from pvc_cli.cluster.faults import Fault, list_faults
from pvc_cli.cluster.health.model import ClusterStatus
from pvc_cli.cluster.health.status import cluster_status
from pvc_cli.cluster.schema_status import SchemaStatus, schema_status
from pvc_cli.cluster.sriov.model import Pf, Vf, list_pfs, list_vfs
from pvc_cli.cluster.together import begin
from pvc_cli.cluster.vms.model import VmSummary, is_outside
from pvc_cli.cluster.vms.query import list_vms
from pvc_cli.cluster.vms.read import read_summaries
from pvc_cli.zk import ZKHandler


class VmLine(NamedTuple):
    """What a report shows of a VM: little, for there may be many. None is not known."""

    uuid: str
    name: str
    state: str
    node: str
    last_node: str
    """Where it was migrated from, or empty."""
    outside: bool
    """Whether it is where its node limit does not allow it."""
    failed_reason: str
    vcpu: int | None
    memory: int | None
    """In MiB."""
    networks: tuple[str, ...]
    tags: tuple[str, ...]


class Overview(NamedTuple):
    """A cluster as it is at one time."""

    taken_at: float
    """In seconds since 1970."""
    status: ClusterStatus
    schema: SchemaStatus
    vms: tuple[VmLine, ...]
    """By name."""
    pfs: tuple[Pf, ...]
    """None where the schema has no SR-IOV."""
    vfs: tuple[Vf, ...]
    faults: tuple[Fault, ...]
    """Also those that somebody has acknowledged."""


def read_overview(handler: ZKHandler) -> Overview:
    """Read the whole cluster, what does not depend on each other at the same time."""
    keys = handler.schema.keys
    vms = begin(handler, lambda: _vms(handler))
    schema = begin(handler, lambda: schema_status(handler))
    pfs = begin(handler, lambda: list_pfs(handler) if "node.sriov" in keys else [])
    vfs = begin(handler, lambda: list_vfs(handler) if "node.sriov" in keys else [])
    faults = begin(handler, lambda: list_faults(handler) if "base.faults" in keys else [])
    return Overview(
        taken_at=time.time(),
        status=cluster_status(handler),
        schema=schema(),
        vms=vms(),
        pfs=tuple(pfs()),
        vfs=tuple(vfs()),
        faults=tuple(faults()),
    )


def _vms(handler: ZKHandler) -> tuple[VmLine, ...]:
    return tuple(map(_line, read_summaries(handler, [vm.uuid for vm in list_vms(handler)])))


def _line(vm: VmSummary) -> VmLine:
    found = vm.hardware
    return VmLine(
        uuid=vm.uuid,
        name=vm.name,
        state=vm.state,
        node=vm.node,
        last_node=vm.last_node,
        outside=is_outside(vm.node, vm.node_limit),
        failed_reason=vm.failed_reason,
        vcpu=found and found.vcpu,
        memory=found and found.memory,
        networks=tuple(str(network.vni) for network in found.networks) if found else (),
        tags=vm.tags,
    )
