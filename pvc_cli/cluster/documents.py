"""The JSON documents of tags, nodes and SR-IOV functions, in the words of PVC's API: made here only.

Those of VMs are in :mod:`pvc_cli.cluster.vms.documents`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pvc_cli.cluster.server_documents import ensemble_document

if TYPE_CHECKING:
    from pvc_cli.cluster.controls import Control, Item
    from pvc_cli.cluster.faults import Fault
    from pvc_cli.cluster.health.model import ClusterStatus
    from pvc_cli.cluster.node_details import NodeDetails
    from pvc_cli.cluster.nodes import Node
    from pvc_cli.cluster.schema_status import SchemaStatus
    from pvc_cli.cluster.sriov.agents import Agent
    from pvc_cli.cluster.sriov.audit import Finding
    from pvc_cli.cluster.sriov.model import Pf, Vf, VfConfig
    from pvc_cli.cluster.sriov.report import PfReport, VfReport
    from pvc_cli.cluster.vms.metadata import Metadata
    from pvc_cli.cluster.vms.query import VmRef
    from pvc_cli.cluster.vms.tagging import Outcome
    from pvc_cli.cluster.vms.tags import Tag
    from pvc_cli.zk import Change
    from pvc_cli.zk.undo import Changed

Document = dict[str, Any]
_NODE_FIRST = (
    "name", "mode", "daemon_state", "coordinator_state", "domain_state", "pvc_version", "cpu_count", "kernel", "os",
    "arch", "health",
)  # fmt: skip


def _fields(thing: Any) -> Document:  # noqa: ANN401 - any dataclass with slots
    """Return the fields of *thing* by name, as they are: `asdict` would copy each, in twenty times the time."""
    return {name: getattr(thing, name) for name in thing.__slots__}


def tags_document(vm: VmRef, tags: Sequence[Tag]) -> Document:
    """Return the document of one VM's tags."""
    return {"name": vm.name, "tags": [tag._asdict() for tag in tags]}


def node_document(node: Node, details: NodeDetails, *, secrets: bool = False) -> Document:
    """Return the document of a node, with its IPMI password if *secrets* is set."""
    password = {"password": node.ipmi_password} if secrets else {}
    return {
        **{name: getattr(node, name) for name in _NODE_FIRST},
        "health_plugins": details.health_plugins,
        "health_details": [check._asdict() for check in details.health_checks],
        "load": node.load,
        "domains_count": node.provisioned_domains,
        "running_domains": details.running_domains,
        "vcpu": {"total": node.cpu_count, "allocated": node.vcpu_allocated},
        "memory": {
            "total": node.memory_total,
            "allocated": node.memory_allocated,
            "provisioned": node.memory_provisioned,
            "used": node.memory_used,
            "free": node.memory_free,
        },
        "interfaces": details.interfaces,
        "ipmi": {"hostname": node.ipmi_hostname, "username": node.ipmi_username, **password},
        "schema": {"active": node.active_schema, "latest": node.latest_schema},
        "stale": node.is_stale,
        "fencing": node.fencing,
    }


def pf_document(pf: Pf, agent: Agent | None = None) -> Document:
    """Return the document of a PF, with what the agent of its node reports of it."""
    own: Document = {"node": pf.node, "phy": pf.phy, "mtu": pf.mtu, "vfcount": pf.vfcount, "vfs": pf.vfs}
    report = agent.report.pfs.get(pf.phy) if agent and agent.report else None
    return own | {"report": _report_document(agent, report)}


def _report_document(agent: Agent | None, report: PfReport | VfReport | None) -> Document | None:
    """Return what an agent reports of one PF or VF, and whether it still does; null if it has reported nothing."""
    if agent is None or agent.report is None or report is None:
        return None
    return {"agent": agent.state, "heartbeat": agent.report.agent.heartbeat, **_fields(report)}


def vf_document(vf: Vf, agent: Agent | None = None, actual: VfConfig | None = None) -> Document:
    """Return the document of a VF, with what the agent of its node reports of it.

    :param actual: what its driver reports of its settings, if that is known.
    """
    document: Document = {
        "node": vf.node,
        "phy": vf.phy,
        "pf": vf.pf,
        "mtu": vf.mtu,
        "mac": vf.mac,
        "config": _fields(vf.config),
        "pci": _fields(vf.pci),
        "usage": {"used": vf.used, "domain": vf.used_by},
        "report": _report_document(agent, agent.vf(vf.phy) if agent else None),
    }
    return document if actual is None else document | {"actual": _fields(actual)}


def finding_document(finding: Finding, *, fixed: bool) -> Document:
    """Return the document of a problem with a VF."""
    return {
        "node": finding.node,
        "vf": finding.vf,
        "kind": finding.kind,
        "vms": [vm._asdict() for vm in finding.vms],
        "detail": finding.detail,
        "fixable": finding.repair is not None,
        "fixed": fixed,
    }


def status_document(status: ClusterStatus) -> Document:
    """Return the document of a cluster's health: PVC's own, and, with other names, what PVC does not see."""
    return {
        "cluster_health": {
            "health": status.health,
            "messages": [
                {"id": fault.id, "health_delta": fault.health_delta, "text": fault.message} for fault in status.faults
            ],
        },
        "node_health": {
            node.name: {
                "health": node.health,
                "stale": node.is_stale,
                "messages": [check.message for check in details.health_checks if check.health_delta],
            }
            for node, details in zip(status.nodes, status.details, strict=True)
        },
        "maintenance": status.maintenance,
        "primary_node": status.primary or None,
        "acting_primaries": status.acting_primaries,
        "pvc_version": next((n.pvc_version for n in status.nodes if n.name == status.primary), None),
        "upstream_ip": status.upstream_ip or None,
        "nodes": _with_total(Counter(f"{node.daemon_state},{node.domain_state}" for node in status.nodes)),
        "vms": _with_total(status.vms),
        "networks": status.networks,
        "osds": _with_total(status.osds),
        "pools": status.pools,
        "volumes": status.volumes,
        "snapshots": status.snapshots,
        "schema_version": status.schema_version,
        "zookeeper": None if status.servers is None else ensemble_document(status.servers),
        "healthy": status.healthy,
        "problems": [problem._asdict() | {"serious": problem.serious} for problem in status.problems],
    }


def _with_total(counts: Mapping[str, int]) -> Document:
    return {"total": sum(counts.values()), **counts}


def metadata_document(vm: VmRef, metadata: Metadata) -> Document:
    """Return the document of a VM's metadata, a part of the VM's."""
    return {"name": vm.name, "uuid": vm.uuid} | metadata._asdict()


def changes_document(changes: Sequence[Change]) -> Document:
    """Return the document of a dry run; what does not apply to a change is left out of it."""
    return {"changes": _changes(changes)}


def change_document(change: Change) -> Document:
    """Return the document of a change; what does not apply to it is left out."""
    return {name: value for name, value in change._asdict().items() if value is not None}


def _changes(changes: Iterable[Change]) -> list[Document]:
    return [change_document(change) for change in changes]


def outcomes_document(outcomes: Sequence[Outcome]) -> Document:
    """Return the document of what became of each tag of each VM; see :func:`items_document`."""
    return items_document(
        item_document(o.vm.name, o.status, o.detail, o.changes, uuid=o.vm.uuid, tag=o.tag or None) for o in outcomes
    )


def controls_document(controls: Sequence[Control[Item]]) -> Document:
    """Return the document of what became of each thing that was to be changed; a VM has its ``uuid``, too."""
    return items_document(
        item_document(
            control.name,
            control.status,
            control.detail,
            control.changes,
            **({"uuid": uuid} if (uuid := getattr(control.item, "uuid", None)) else {}),
        )
        for control in controls
    )


def items_document(items: Iterable[Document]) -> Document:
    """Return the document of a change, or of its dry run: what becomes of each thing, and how many of each."""
    listed = list(items)
    counts = Counter[str](item["status"] for item in listed)
    return {
        "items": listed,
        "counts": {status: counts[status] for status in ("changed", "unchanged", "refused", "failed")},
    }


def item_document(name: str, status: str, detail: str, changes: Iterable[Change], **more: object) -> dict[str, Any]:
    """Return what becomes of one thing: what is changed has its ``changes``, everything else its ``reason``."""
    made = _changes(change.masked() for change in changes)
    return (
        {"name": name, **more, "status": status}
        | ({} if status == "changed" else {"reason": detail})
        | ({"changes": made} if made else {})
    )


def changed_document(change: Changed) -> Document:
    """Return the document of a change that was made: the values before and after; null is not there."""
    before, after = (
        None if value is None else value.decode("utf-8", "replace") for value in (change.before, change.after)
    )
    return {"path": change.path, "before": before, "after": after}


def fault_document(fault: Fault) -> Document:
    """Return the document of a fault."""
    return fault._asdict()


def schema_status_document(status: SchemaStatus) -> Document:
    """Return the document of the schema versions of a cluster and its nodes."""
    return {
        **status._asdict(),
        "nodes": [node._asdict() for node in status.nodes],
        "daemons": status.daemons._asdict(),
    }
