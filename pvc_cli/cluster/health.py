"""Check the health of a cluster, as far as its tree shows it, in few batches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pvc_cli.cluster.faults import Fault, list_faults
from pvc_cli.cluster.nodes import Node, list_nodes
from pvc_cli.cluster.sriov.audit import audit
from pvc_cli.cluster.sriov.model import list_pfs
from pvc_cli.cluster.storage.problems import storage_problems
from pvc_cli.cluster.values import parse_bool
from pvc_cli.cluster.vms.query import list_vms
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.migration.migrate import validate
from pvc_cli.zk.migration.survey import Survey


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem, or, if not *serious*, a note; *see* is the command that shows more."""

    area: str
    what: str
    see: str
    serious: bool = True


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The health of a cluster."""

    version: int
    """The schema version."""
    maintenance: bool
    primary: str
    """The primary coordinator; empty if there is none."""
    nodes: tuple[Node, ...]
    vms: Mapping[str, int]
    """The number of VMs in each state."""
    health: int
    """PVC's own number, in percent: what the faults that nobody has acknowledged leave of 100."""
    problems: tuple[Problem, ...]

    @property
    def healthy(self) -> bool:
        """Whether there are no serious problems."""
        return not any(problem.serious for problem in self.problems)


def cluster_status(handler: ZKHandler) -> ClusterStatus:
    """Check nodes, VMs, schema and SR-IOV functions, and return the health of the cluster."""
    nodes = list_nodes(handler)
    known = list_faults(handler) if "base.faults" in handler.schema.keys else []
    faults = [fault for fault in known if fault.status != "ack"]
    maintenance, primary = handler.read_many(["base.config.maintenance", "base.config.primary_node"])
    vms = list_vms(handler)
    keys = ("domain.state", "domain.failed_reason")
    rows = handler.read_rows([(key, vm.uuid) for key in keys] for vm in vms)
    found = [(vm.name, state or "", reason or "") for vm, (state, reason) in zip(vms, rows, strict=True)]
    states = Counter(state for _, state, _ in found)
    problems = [
        *_of_cluster(maintenance, primary, nodes),
        *(problem for node in nodes for problem in _of_node(node)),
        *_of_versions(handler, nodes),
        *(
            Problem("vm", f"{name} failed" + (f": {reason}" if reason else ""), f"pvc vm info {name}")
            for name, state, reason in found
            if state == "fail"
        ),
        *_of_memory(nodes),
        *(Problem("storage", what, see) for what, see in storage_problems(handler)),
        *_of_faults(faults),
        *_of_tree(handler),
        *_of_sriov(handler),
    ]
    return ClusterStatus(
        version=handler.schema.version,
        maintenance=bool(parse_bool(maintenance)),
        primary=primary or "",
        nodes=tuple(nodes),
        vms=dict(sorted(states.items())),
        health=max(100 - sum(fault.health_delta or 0 for fault in faults), 0),
        problems=tuple(sorted(problems, key=lambda problem: not problem.serious)),
    )


def _of_cluster(maintenance: str | None, primary: str | None, nodes: list[Node]) -> Iterator[Problem]:
    if not nodes:
        yield Problem("cluster", "there are no nodes", "pvc node list")
    elif not primary or primary == "none":
        yield Problem("cluster", "no node is the primary coordinator", "pvc node list")
    if parse_bool(maintenance):
        yield Problem("cluster", "maintenance mode is on", "", serious=False)


def _of_node(node: Node) -> Iterator[Problem]:
    see = f"pvc node info {node.name}"
    if node.daemon_state != "run":
        yield Problem("node", f"the daemon of {node.name} is in state {node.daemon_state or 'unknown'}", see)
    if node.domain_state != "ready":
        yield Problem("node", f"{node.name} is {node.domain_state or 'in an unknown state'} for VMs", see)
    if node.health is not None and node.health < 100:
        yield Problem("node", f"the health of {node.name} is {node.health} %", see)


def _of_versions(handler: ZKHandler, nodes: list[Node]) -> Iterator[Problem]:
    version, see = handler.schema.version, "pvc schema show"
    behind = [node.name for node in nodes if node.active_schema not in (None, version)]
    if behind:
        run = "runs" if len(behind) == 1 else "run"
        yield Problem("schema", f"{', '.join(behind)} {run} another schema version than the cluster's {version}", see)
    software = Counter(node.pvc_version for node in nodes if node.pvc_version)
    if len(software) > 1:
        mixed = ", ".join(f"{release} on {count}" for release, count in sorted(software.items()))
        yield Problem("node", f"the nodes run different releases of PVC ({mixed})", "pvc node list")
    known = [node.latest_schema for node in nodes if node.latest_schema is not None]
    if known and min(known) > version:
        yield Problem("schema", f"all nodes know schema version {min(known)}", "pvc schema upgrade", serious=False)


def _of_memory(nodes: list[Node]) -> Iterator[Problem]:
    """Tell whether the running VMs would still fit if the largest node failed."""
    sizes = [node.memory_total or 0 for node in nodes]
    needed = sum(node.memory_allocated or 0 for node in nodes)
    room = sum(sizes) - max(sizes, default=0)
    if len(nodes) > 1 and needed > room:
        what = f"the running VMs need {needed} MiB, and without the largest node there are {room} MiB"
        yield Problem("node", what, "pvc node list")


def _of_faults(faults: Sequence[Fault]) -> Iterator[Problem]:
    for fault in faults:
        delta = fault.health_delta
        cost = f" (-{delta} % health)" if delta else ""
        yield Problem("fault", f"{fault.message or fault.id}{cost}", f"pvc fault ack {fault.id}", delta != 0)


def _of_tree(handler: ZKHandler) -> Iterator[Problem]:
    found = validate(handler)
    counts = {
        "missing": len(found.missing),
        "retired": len(found.retired) + len(found.moved),
        "stray": len(found.stray),
    }
    for vm, why in _left_out(handler, found):
        yield Problem("vm", f"PVC leaves out {vm}: {why}", "pvc schema validate")
    for path, _ in found.stuck:
        blocked = path.rpartition("/")[0]
        yield Problem("lock", f"the lock on {blocked} is stuck: nobody can acquire it", "pvc schema apply --prune")
    if found.normal:
        what = f"PVC's daemons created {len(found.normal)} znodes that no version has: they do no harm"
        yield Problem("schema", what, "pvc schema validate", serious=False)
    if any(counts.values()):
        differing = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        yield Problem("schema", f"the tree differs from its schema: {differing}", "pvc schema validate")


def _of_sriov(handler: ZKHandler) -> Iterator[Problem]:
    if "node.sriov" not in handler.schema.keys:
        return
    for finding in audit(handler):
        yield Problem("sriov", f"{finding.node} {finding.vf}: {finding.detail}", f"pvc sriov vf audit {finding.node}")
    for pf in list_pfs(handler):
        if pf.vfcount is not None and len(pf.vfs) != pf.vfcount:
            what = f"{pf.node} {pf.phy} has {len(pf.vfs)} VFs, and {pf.vfcount} are configured"
            yield Problem("sriov", what, f"pvc sriov pf info {pf.node} {pf.phy}")


def _left_out(handler: ZKHandler, found: Survey) -> Iterator[tuple[str, str]]:
    """Yield the VMs that PVC cannot parse, each with a reason."""
    paths = {value.path.split("/")[2]: value for value in reversed(found.invalid)}
    names = handler.read_many(("domain", uuid) for uuid in paths)
    for (uuid, value), name in zip(paths.items(), names, strict=True):
        key = "/".join(value.path.split("/")[3:])
        yield name or uuid, f"its {key} is {'broken' if value.repair is None else 'no value that it can parse'}"
