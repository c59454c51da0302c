"""Gather the health of a cluster, in few batches."""

from collections import Counter
from collections.abc import Iterator, Sequence

from pvc_cli.cluster.faults import Fault, list_faults
from pvc_cli.cluster.health.model import ClusterStatus, Problem
from pvc_cli.cluster.health.nodes import node_problems
from pvc_cli.cluster.health.tree import tree_problems
from pvc_cli.cluster.node_details import read_node_details
from pvc_cli.cluster.nodes import Node, list_nodes
from pvc_cli.cluster.storage.problems import read_osds, storage_problems
from pvc_cli.cluster.values import parse_bool, parse_list
from pvc_cli.cluster.vms.query import list_vms
from pvc_cli.zk import ZKHandler

_FAILED = 10


def cluster_status(handler: ZKHandler) -> ClusterStatus:
    """Check nodes, VMs, faults, storage, schema and SR-IOV functions, and return the health of the cluster."""
    nodes = list_nodes(handler)
    known = list_faults(handler) if "base.faults" in handler.schema.keys else []
    faults = [fault for fault in known if fault.status != "ack"]
    settings = ("base.config.maintenance", "base.config.primary_node", "base.config.upstream_ip")
    maintenance, primary, upstream_ip = handler.read_many(settings)
    states, of_vms = _vms(handler)
    osds = read_osds(handler)
    networks, pools = handler.children_many(["base.network", "base.pool"])
    volumes, snapshots = _volumes(handler, pools or [])
    problems = [
        *_of_cluster(maintenance, primary, nodes),
        *node_problems(nodes, handler.schema.version),
        *of_vms,
        *(Problem("storage", *problem) for problem in storage_problems(osds)),
        *_of_faults(faults),
        *tree_problems(handler),
    ]
    return ClusterStatus(
        schema_version=handler.schema.version,
        maintenance=bool(parse_bool(maintenance)),
        primary=primary if primary and primary != "none" else "",
        upstream_ip=upstream_ip or "",
        nodes=tuple(nodes),
        details=tuple(read_node_details(handler, nodes)),
        vms=states,
        osds=osds.states,
        networks=len(networks or ()),
        pools=len(pools or ()),
        volumes=volumes,
        snapshots=snapshots,
        faults=tuple(faults),
        problems=tuple(sorted(problems, key=lambda problem: -problem.weight)),
    )


def _vms(handler: ZKHandler) -> tuple[dict[str, int], list[Problem]]:
    """Return the number of VMs in each state, and what is wrong with VMs."""
    vms = list_vms(handler)
    keys = ("domain.state", "domain.failed_reason", "domain.node", "domain.meta.node_limit")
    rows = handler.read_rows([(key, vm.uuid) for key in keys] for vm in vms)
    problems = []
    for vm, (state, reason, node, limit) in zip(vms, rows, strict=True):
        see, allowed = f"pvc vm info {vm.name}", parse_list(limit)
        if state == "fail":
            problems.append(Problem("vm", f"{vm.name} failed" + (f": {reason}" if reason else ""), see, _FAILED))
        if node and allowed and node not in allowed:
            problems.append(Problem("vm", f"{vm.name} is on {node}, outside its node limit", see))
    return dict(sorted(Counter(state or "unknown" for state, *_ in rows).items())), problems


def _volumes(handler: ZKHandler, pools: Sequence[str]) -> tuple[int, int]:
    """Return how many volumes *pools* have, and how many snapshots these have."""
    found = handler.children_many(("volume", pool) for pool in pools)
    volumes = [f"{pool}/{name}" for pool, names in zip(pools, found, strict=True) for name in names or ()]
    snapshots = handler.children_many(("snapshot", volume) for volume in volumes)
    return len(volumes), sum(len(names or ()) for names in snapshots)


def _of_cluster(maintenance: str | None, primary: str | None, nodes: Sequence[Node]) -> Iterator[Problem]:
    if not nodes:
        yield Problem("cluster", "there are no nodes", "pvc node list", 100)
    elif not primary or primary == "none":
        yield Problem("cluster", "no node is the primary coordinator", "pvc node list", 50)
    if parse_bool(maintenance):
        yield Problem("cluster", "maintenance mode is on", "pvc cluster maintenance off", 0)


def _of_faults(faults: Sequence[Fault]) -> Iterator[Problem]:
    for fault in faults:
        cost = f" (-{fault.health_delta} % health)" if fault.health_delta else ""
        # A fault whose delta cannot be read is still one.
        weight = 1 if fault.health_delta is None else fault.health_delta
        yield Problem("fault", f"{fault.message or fault.id}{cost}", f"pvc fault ack {fault.id}", weight)
