"""What in the tree itself is wrong: keys, values, locks, and claims of VFs."""

from collections.abc import Callable, Iterator, Sequence

from pvc_cli.cluster.health.model import Problem
from pvc_cli.cluster.nodes import Node
from pvc_cli.cluster.sriov.agents import is_silent
from pvc_cli.cluster.sriov.audit import audit
from pvc_cli.cluster.sriov.model import list_pfs
from pvc_cli.cluster.sriov.report import read_reports
from pvc_cli.cluster.together import begin
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.migration.migrate import validate
from pvc_cli.zk.migration.survey import Survey

_LEFT_OUT, _STUCK, _SILENT = 25, 25, 10
"""PVC counts none of these by itself."""


def begin_tree_problems(handler: ZKHandler) -> Callable[[], list[Problem]]:
    """Begin to look for what is wrong with the tree, and return what waits for it."""
    parts = [begin(handler, lambda: list(_of_schema(handler, validate(handler))))]
    if "node.sriov" in handler.schema.keys:
        parts.append(begin(handler, lambda: list(_of_claims(handler))))
        parts.append(begin(handler, lambda: list(_of_pfs(handler))))
    return lambda: [problem for part in parts for problem in part()]


def _of_schema(handler: ZKHandler, found: Survey) -> Iterator[Problem]:
    for vm, why in _left_out(handler, found):
        yield Problem("vm", f"PVC leaves out {vm}: {why}", "pvc schema validate", _LEFT_OUT)
    for path, _ in found.stuck:
        what = f"the lock on {path.rpartition('/')[0]} is stuck: nobody can acquire it"
        yield Problem("lock", what, "pvc schema validate", _STUCK)
    if found.normal:
        what = f"PVC's daemons created {len(found.normal)} znodes that no version has: they do no harm"
        yield Problem("schema", what, "pvc schema validate", 0)
    counts = {
        "missing": len(found.missing),
        "retired": len(found.retired) + len(found.moved),
        "stray": len(found.stray),
    }
    if any(counts.values()):
        differing = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        yield Problem("schema", f"the tree differs from its schema: {differing}", "pvc schema validate")


def _left_out(handler: ZKHandler, found: Survey) -> Iterator[tuple[str, str]]:
    """Yield the VMs that PVC cannot parse, each with a reason."""
    paths = {value.path.split("/")[2]: value for value in reversed(found.invalid)}
    names = handler.read_many(("domain", uuid) for uuid in paths)
    for (uuid, value), name in zip(paths.items(), names, strict=True):
        key = "/".join(value.path.split("/")[3:])
        yield name or uuid, f"its {key} {'is broken' if value.repair is None else 'cannot be parsed'}"


def agent_problems(handler: ZKHandler, nodes: Sequence[Node]) -> Iterator[Problem]:
    """Yield what the SR-IOV agents of *nodes* report as wrong, and which no longer report, in one batch."""
    for node, report in zip(nodes, read_reports(handler, [node.name for node in nodes]).values(), strict=True):
        see = f"pvc sriov agent status {node.name}"
        if report and is_silent(node, report):
            yield Problem("sriov", f"the SR-IOV agent of {node.name} no longer reports", see, _SILENT)
        elif report and not report.healthy:
            yield Problem("sriov", f"{node.name}: {report.message}", see, report.health_delta)


def _of_claims(handler: ZKHandler) -> Iterator[Problem]:
    for finding in audit(handler):
        yield Problem("sriov", f"{finding.node}/{finding.vf}: {finding.detail}", f"pvc sriov vf audit {finding.node}")


def _of_pfs(handler: ZKHandler) -> Iterator[Problem]:
    for pf in list_pfs(handler):
        if pf.vfcount is not None and len(pf.vfs) != pf.vfcount:
            what = f"{pf.node}/{pf.phy} has {len(pf.vfs)} VFs, and {pf.vfcount} are configured"
            yield Problem("sriov", what, f"pvc sriov pf info {pf.node} {pf.phy}")
