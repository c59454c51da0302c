"""Gather the health of a cluster, in few batches."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from shlex import quote
from typing import NamedTuple

from pvc_cli.cluster.faults import Fault, list_faults
from pvc_cli.cluster.health.model import ClusterStatus, Problem
from pvc_cli.cluster.health.nodes import node_problems
from pvc_cli.cluster.health.servers import server_problems
from pvc_cli.cluster.health.tree import agent_problems, begin_tree_problems
from pvc_cli.cluster.node_details import read_node_details
from pvc_cli.cluster.nodes import Node, list_nodes
from pvc_cli.cluster.storage.problems import read_osds, storage_problems
from pvc_cli.cluster.together import begin
from pvc_cli.cluster.values import parse_bool, parse_list
from pvc_cli.cluster.vms.model import STATES, is_outside
from pvc_cli.cluster.vms.query import VmRef, list_vms
from pvc_cli.zk import ZKHandler

_FAILED, _STRANDED = 10, 40
_SHOWN = 3
_SETTINGS = ("base.config.maintenance", "base.config.primary_node", "base.config.upstream_ip")


def cluster_status(handler: ZKHandler) -> ClusterStatus:
    """Check servers, nodes, VMs, faults, storage, schema and SR-IOV functions, and return the health of the cluster.

    What does not depend on each other is read at the same time.

    The servers are asked while the tree is read; one that does not answer is given up after two seconds.
    """
    asked = handler.ask_servers()
    # The deepest first: each of these is a chain of batches, and waits for the servers by itself.
    in_tree = begin_tree_problems(handler)
    vms_read = begin(handler, lambda: _read_vms(handler))
    faults_read = begin(handler, lambda: _new_faults(handler))
    osds_read = begin(handler, lambda: read_osds(handler))
    counted = begin(handler, lambda: _counts(handler))
    set_read = begin(handler, lambda: handler.read_many(_SETTINGS))
    nodes = list_nodes(handler)
    details = begin(handler, lambda: read_node_details(handler, nodes))
    of_agents = list(agent_problems(handler, nodes))
    states, of_vms = _vms(*vms_read(), nodes)
    maintenance, primary, upstream_ip = set_read()
    faults, osds, counts = faults_read(), osds_read(), counted()
    servers = asked() if asked else None
    problems = [
        *server_problems(servers),
        *_of_cluster(maintenance, primary, nodes),
        *node_problems(nodes, handler.schema.version),
        *of_vms,
        *(Problem("storage", *problem) for problem in storage_problems(osds)),
        *_of_faults(faults),
        *in_tree(),
        *of_agents,
    ]
    return ClusterStatus(
        schema_version=handler.schema.version,
        maintenance=bool(parse_bool(maintenance)),
        primary=primary if primary and primary != "none" else "",
        upstream_ip=upstream_ip or "",
        nodes=tuple(nodes),
        details=tuple(details()),
        vms=states,
        osds=osds.states,
        networks=counts.networks,
        pools=counts.pools,
        volumes=counts.volumes,
        snapshots=counts.snapshots,
        faults=tuple(faults),
        servers=servers,
        problems=tuple(sorted(problems, key=lambda problem: -problem.weight)),
    )


def _new_faults(handler: ZKHandler) -> list[Fault]:
    """Return the faults that nobody has acknowledged."""
    known = list_faults(handler) if "base.faults" in handler.schema.keys else []
    return [fault for fault in known if fault.status != "ack"]


def _read_vms(handler: ZKHandler) -> tuple[list[VmRef], list[list[str | None]]]:
    """Return all VMs, and of each what :func:`_vms` looks at."""
    vms = list_vms(handler)
    keys = ("domain.state", "domain.failed_reason", "domain.node", "domain.meta.node_limit")
    return vms, handler.read_rows([(key, vm.uuid) for key in keys] for vm in vms)


def _vms(
    vms: Sequence[VmRef], rows: Sequence[Sequence[str | None]], nodes: Sequence[Node]
) -> tuple[dict[str, int], list[Problem]]:
    """Return the number of VMs in each state, and what is wrong with VMs."""
    daemons = {node.name: node.daemon_state or "unknown" for node in nodes}
    problems: list[Problem] = []
    stopped, odd, stranded = [], [], defaultdict[str, list[str]](list)
    for vm, (state, reason, at, limit) in zip(vms, rows, strict=True):
        node, allowed, word = at or "", parse_list(limit), quote(vm.name)
        if state == "fail":
            why = f": {reason}" if reason else ""
            problems.append(Problem("vm", f"{vm.name} failed{why}", f"pvc vm info {word}", _FAILED))
        elif state == "stop":
            stopped.append(vm.name)
        elif state not in STATES:
            odd.append(f"{vm.name} in state {state or 'unknown'}")
        if state == "start" and daemons.get(node) != "run":
            stranded[node].append(vm.name)
        if is_outside(node, allowed):
            problems.append(
                Problem("vm", f"{vm.name} is on {node}, outside its node limit", f"pvc vm meta get {word}")
            )
    if stopped:
        what = f"{_few(stopped)} stopped: start or disable {'it' if len(stopped) == 1 else 'them'}"
        problems.append(Problem("vm", what, "pvc vm list -s stop", _FAILED))
    if odd:
        problems.append(Problem("vm", f"PVC knows no such state: {_few(odd)}", "pvc vm list", _FAILED))
    for node, names in stranded.items():
        at = f"which is {daemons[node]}" if node in daemons else "which does not exist"
        what = f"{_few(names)} should run on {node or 'no node'}, {at}"
        problems.append(Problem("vm", what, f"pvc vm list -s start -t {node}", _STRANDED))
    return dict(sorted(Counter(state or "unknown" for state, *_ in rows).items())), problems


def _few(names: Sequence[str]) -> str:
    """Return the first few of *names*, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


class _Counts(NamedTuple):
    """How many there are."""

    networks: int
    pools: int
    volumes: int
    snapshots: int


def _counts(handler: ZKHandler) -> _Counts:
    networks, found_pools = handler.children_many(["base.network", "base.pool"])
    pools = found_pools or []
    found = handler.children_many(("volume", pool) for pool in pools)
    volumes = [f"{pool}/{name}" for pool, names in zip(pools, found, strict=True) for name in names or ()]
    snapshots = handler.children_many(("snapshot", volume) for volume in volumes)
    return _Counts(len(networks or ()), len(pools), len(volumes), sum(len(names or ()) for names in snapshots))


def _of_cluster(maintenance: str | None, primary: str | None, nodes: Sequence[Node]) -> Iterator[Problem]:
    acting = ", ".join(node.name for node in nodes if node.coordinator_state == "primary")
    if not nodes:
        yield Problem("cluster", "there are no nodes", "pvc node list", 100)
    elif not primary or primary == "none":
        still = f"; still acting as it: {acting}" if acting else ""
        yield Problem("cluster", f"no node is the primary coordinator{still}", "pvc node list", 50)
    elif primary not in (node.name for node in nodes):
        yield Problem("cluster", f"the primary coordinator {primary} does not exist", "pvc node list", 50)
    elif acting != primary:
        what = f"the primary coordinator should be {primary}, but is {acting or 'none'}"
        yield Problem("cluster", what, "pvc cluster locks")
    if parse_bool(maintenance):
        yield Problem("cluster", "maintenance mode is on", "", 0)


def _of_faults(faults: Sequence[Fault]) -> Iterator[Problem]:
    for fault in faults:
        # A fault whose delta cannot be read is still one.
        weight = 1 if fault.health_delta is None else max(fault.health_delta, 0)
        cost = f" (-{weight} % health)" if fault.health_delta and weight else ""
        yield Problem("fault", f"{fault.message or fault.id}{cost}", "pvc fault list --new", weight)
