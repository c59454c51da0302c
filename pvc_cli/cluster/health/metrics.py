"""The figures of a cluster's health, for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvc_cli.cluster.health.model import ClusterStatus
    from pvc_cli.cluster.nodes import Node
    from pvc_cli.zk.ensemble import EnsembleReport

Samples = Sequence[tuple[Mapping[str, str], float | None]]
Families = Iterator[tuple[str, str, Samples]]
_MIB = 1024 * 1024


def status_metrics(status: ClusterStatus) -> Families:
    """Yield the name of each figure, what it says, and its values with their labels; None is not known."""
    yield "pvc_cluster_health", "Health of the cluster in percent, as PVC counts it.", _one(status.health)
    yield "pvc_cluster_healthy", "Whether there is no serious problem.", _one(status.healthy)
    yield "pvc_cluster_maintenance", "Whether maintenance mode is on.", _one(status.maintenance)
    yield "pvc_schema_version", "Version of the schema.", _one(status.schema_version)
    yield "pvc_problems", "Problems and notes by area.", _problems(status)
    yield "pvc_vms", "VMs by state.", _counted("state", status.vms)
    yield "pvc_osds", "OSDs by state.", _counted("state", status.osds)
    yield "pvc_networks", "Networks.", _one(status.networks)
    yield "pvc_pools", "Storage pools.", _one(status.pools)
    yield "pvc_volumes", "Storage volumes.", _one(status.volumes)
    yield "pvc_snapshots", "Snapshots of storage volumes.", _one(status.snapshots)
    faults: Samples = [({"id": fault.id}, fault.health_delta or 0) for fault in status.faults]
    yield "pvc_fault", "Percent of health that an unacknowledged fault takes.", faults
    yield from _of_nodes(status.nodes)
    if status.servers:
        yield from _of_servers(status.servers)


def _of_nodes(nodes: Sequence[Node]) -> Families:
    def each(values: Sequence[float | None]) -> Samples:
        return [({"node": node.name}, value) for node, value in zip(nodes, values, strict=True)]

    def reported(values: Sequence[float | None]) -> Samples:
        """Return samples of what a node's daemon measures: none where it no longer does."""
        return each([None if node.is_stale else value for node, value in zip(nodes, values, strict=True)])

    yield "pvc_node_up", "Whether the node's daemon runs and reports.", each([not node.is_stale for node in nodes])
    fencing: Samples = [({"node": node.name, "state": node.fencing}, 1) for node in nodes if node.fencing]
    yield "pvc_node_fencing", "How far PVC is with fencing the node, whose daemon is dead.", fencing
    ready = [node.domain_state == "ready" and not node.is_stale for node in nodes]
    yield "pvc_node_ready", "Whether the node takes VMs.", each(ready)
    acting = [node.coordinator_state == "primary" for node in nodes]
    yield "pvc_node_primary", "Whether it acts as the primary coordinator.", each(acting)
    yield "pvc_node_health", "Health of the node in percent.", reported([node.health for node in nodes])
    yield "pvc_node_load", "Load of the node.", reported([node.load for node in nodes])
    yield "pvc_node_cpus", "CPUs of the node.", each([node.cpu_count for node in nodes])
    yield "pvc_node_vcpus_allocated", "CPUs of the VMs there.", reported([node.vcpu_allocated for node in nodes])
    yield "pvc_node_vms", "VMs that run there.", reported([node.provisioned_domains for node in nodes])
    yield (
        "pvc_node_keepalive_timestamp_seconds",
        "When the node's daemon last said that it is alive.",
        each([node.keepalive or None for node in nodes]),
    )
    yield "pvc_node_memory_bytes", "Memory of the node.", each([_bytes(node.memory_known) for node in nodes])
    for kind, text, values in (
        ("used_", "Memory of the node that is used.", [node.memory_used for node in nodes]),
        ("free_", "Memory of the node that is free.", [node.memory_free for node in nodes]),
        ("allocated_", "Memory of the VMs that run there.", [node.memory_allocated for node in nodes]),
        ("provisioned_", "Memory of the VMs that are defined there.", [node.memory_provisioned for node in nodes]),
    ):
        yield f"pvc_node_memory_{kind}bytes", text, reported(list(map(_bytes, values)))
    schema: Samples = each([node.active_schema for node in nodes])
    yield "pvc_node_schema_version", "Version of the schema that the node's daemon runs.", schema
    releases: Samples = [
        ({"node": node.name, "mode": node.mode, "version": node.pvc_version or ""}, 1) for node in nodes
    ]
    yield "pvc_node_info", "Mode of the node, and PVC's release there.", releases


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes * _MIB


def _of_servers(found: EnsembleReport) -> Families:
    yield "pvc_zookeeper_servers", "ZooKeeper servers that vote.", _one(found.voters)
    yield "pvc_zookeeper_servers_needed", "ZooKeeper servers that must run.", _one(found.needed)
    up: Samples = [({"server": server.name}, server.answers) for server in found.servers]
    yield "pvc_zookeeper_up", "Whether the ZooKeeper server answers.", up
    leads: Samples = [({"server": server.name}, server.role and server.role == "leader") for server in found.servers]
    yield "pvc_zookeeper_leader", "Whether the ZooKeeper server leads the others.", leads
    latency: Samples = [
        ({"server": server.name}, None if server.latency_ms is None else server.latency_ms / 1000)
        for server in found.servers
    ]
    yield "pvc_zookeeper_latency_seconds", "Average time in which the ZooKeeper server answers a request.", latency
    clients: Samples = [({"server": server.name}, server.connections) for server in found.servers]
    yield "pvc_zookeeper_connections", "Clients of the ZooKeeper server.", clients


def _problems(status: ClusterStatus) -> Samples:
    counts = Counter((problem.area, problem.serious) for problem in status.problems)
    return [
        ({"area": area, "serious": str(serious).lower()}, count) for (area, serious), count in sorted(counts.items())
    ]


def _counted(label: str, counts: Mapping[str, int]) -> Samples:
    return [({label: name}, count) for name, count in counts.items()]


def _one(value: float) -> Samples:
    return [({}, value)]
