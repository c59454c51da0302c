"""The agent's figures for Prometheus, as a file for the node exporter's textfile collector."""

import time
from collections.abc import Iterable
from pathlib import Path

from pvc_cli.agent.memory import Memory
from pvc_cli.cluster.sriov.report import Report
from pvc_cli.files import write_file

_OF_PF = {
    "wanted": "VFs that are configured.",
    "present": "VFs that the PF has.",
    "in_sync": "VFs whose settings are all as wanted.",
    "refused": "VFs with a setting that the driver refuses.",
    "drifted": "VFs whose settings differ from what is wanted, and could not be corrected yet.",
    "orphaned": "VFs that are kept in the tree, but are neither configured nor there.",
}


def write_metrics(path: Path, node: str, report: Report, memory: Memory, *, connected: bool, errors: int) -> None:
    """Replace the file at *path*, readable by everybody, after a round.

    :param connected: whether the session with ZooKeeper is open.
    :param errors: how many rounds failed since the start.
    :raises OSError: if that fails.
    """
    pfs = report.pfs.items()
    refused = sum(len(vf.refused) for vf in report.vfs.values())
    rows: list[tuple[str, str, str, float]] = [
        ("vfs", "gauge", "Virtual functions of this node.", sum(pf.present for _, pf in pfs)),
        ("vfs_wanted", "gauge", "Virtual functions that are configured.", sum(pf.wanted for _, pf in pfs)),
        ("vfs_in_sync", "gauge", "Those whose settings are all as wanted.", sum(pf.in_sync for _, pf in pfs)),
        ("settings_refused", "gauge", "Settings that a driver refuses.", refused),
        ("settings_applied_total", "counter", "Settings that the agent changed.", memory.applied),
        ("settings_drifted_total", "counter", "Settings that the agent corrected after drift.", memory.drifted),
        ("session_up", "gauge", "Whether the session with ZooKeeper is open.", int(connected)),
        ("errors_total", "counter", "Rounds that failed.", errors),
        ("problems", "gauge", "What is wrong with PFs.", sum(len(pf.problems) for _, pf in pfs)),
        ("last_reconcile_timestamp_seconds", "gauge", "Time of the last round.", round(time.time(), 3)),
    ]
    lines = [
        line for name, kind, text, value in rows for line in _metric(name, kind, text, [(f'node="{node}"', value)])
    ]
    for name, text in _OF_PF.items():
        values = [(f'node="{node}",pf="{phy}"', float(getattr(pf, name))) for phy, pf in pfs]
        lines += _metric(f"pf_{name}", "gauge", text, values)
    write_file(path, "".join(f"{line}\n" for line in lines), mode=0o644)


def _metric(name: str, kind: str, text: str, values: Iterable[tuple[str, float]]) -> list[str]:
    return [
        f"# HELP pvc_sriov_{name} {text}",
        f"# TYPE pvc_sriov_{name} {kind}",
        *(f"pvc_sriov_{name}{{{labels}}} {value:.15g}" for labels, value in values),
    ]
