"""The agent's figures for Prometheus, as a file for the node exporter's textfile collector."""

import time
from pathlib import Path

from pvc_cli.agent.memory import Memory
from pvc_cli.files import write_file


def write_metrics(path: Path, node: str, memory: Memory) -> None:
    """Replace the file at *path*, readable by everybody, after a round.

    :raises OSError: if that fails.
    """
    counts = memory.counts()
    rows = (
        ("vfs", "gauge", "Virtual functions of this node.", counts.vfs),
        ("vfs_in_sync", "gauge", "Virtual functions whose settings are all as configured.", counts.in_sync),
        ("settings_refused", "gauge", "Settings that a driver refuses.", counts.refused),
        ("settings_applied_total", "counter", "Settings that the agent changed.", memory.applied),
        ("settings_drifted_total", "counter", "Settings that the agent corrected after drift.", memory.drifted),
        ("last_reconcile_timestamp_seconds", "gauge", "Time of the last round.", round(time.time(), 3)),
    )
    text = "".join(
        f"# HELP pvc_sriov_{name} {help_}\n# TYPE pvc_sriov_{name} {kind}\n"
        f'pvc_sriov_{name}{{node="{node}"}} {value}\n'
        for name, kind, help_, value in rows
    )
    write_file(path, text, mode=0o644)
