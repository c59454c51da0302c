"""The agent's findings for Prometheus, as a file for the node exporter's textfile collector."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pvc_cli.agent.reconciler import Report
from pvc_cli.files import replace_file


@dataclass(slots=True)
class Metrics:
    """What the agent counted since it started, and found last."""

    node: str
    vfs: int = 0
    in_sync: int = 0
    refused: int = 0
    drifted: int = 0
    applied: int = 0
    last: float = 0.0
    """When it last looked, in seconds since 1970."""

    def note(self, reports: Iterable[Report]) -> None:
        """Take in the latest report of every PF."""
        self.vfs = self.in_sync = self.refused = 0
        for report in reports:
            self.vfs += report.vfs
            self.in_sync += report.in_sync
            self.refused += report.refused
        self.last = time.time()

    def text(self) -> str:
        """Return the file's content."""
        rows = (
            ("vfs", "gauge", "Virtual functions of this node.", self.vfs),
            ("vfs_in_sync", "gauge", "Virtual functions whose settings are all as configured.", self.in_sync),
            ("settings_refused", "gauge", "Settings that a driver does not take.", self.refused),
            ("settings_applied_total", "counter", "Settings that the agent set.", self.applied),
            ("settings_drifted_total", "counter", "Settings put right that somebody else had changed.", self.drifted),
            ("last_reconcile_timestamp_seconds", "gauge", "When the agent last looked.", round(self.last, 3)),
        )
        return "".join(
            f"# HELP pvc_sriov_{name} {help_}\n# TYPE pvc_sriov_{name} {kind}\n"
            f'pvc_sriov_{name}{{node="{self.node}"}} {value}\n'
            for name, kind, help_, value in rows
        )

    def write(self, path: Path) -> None:
        """Replace the file at *path*, readable by everybody.

        :raises OSError: if that cannot be done.
        """
        replace_file(path, self.text(), mode=0o644)
