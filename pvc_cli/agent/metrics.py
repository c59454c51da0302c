"""The agent's figures for Prometheus, as a file for the node exporter's textfile collector."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pvc_cli.agent.figures import Figures
from pvc_cli.files import write_file

Samples = Sequence[tuple[str, float | None]]
"""By PF, or by the empty name for the whole node; None is not known, and left out."""


def write_metrics(path: Path, node: str, figures: Figures) -> None:
    """Replace the file at *path*, readable by everybody.

    :raises OSError: if that fails.
    """
    write_file(path, "".join(_lines(node, figures)), mode=0o644)


def _lines(node: str, figures: Figures) -> Iterator[str]:
    for name, kind, help_, samples in _metrics(figures):
        known = [(pf, value) for pf, value in samples if value is not None]
        if known:
            yield f"# HELP pvc_sriov_{name} {help_}\n# TYPE pvc_sriov_{name} {kind}\n"
        for pf, value in known:
            labels = f'node="{node}",pf="{pf}"' if pf else f'node="{node}"'
            yield f"pvc_sriov_{name}{{{labels}}} {value}\n"


def _metrics(figures: Figures) -> Iterator[tuple[str, str, str, Samples]]:
    """Yield each metric: its name, type, what it is, and its samples."""
    pfs = figures.pfs
    yield "vfs_wanted", "gauge", "VFs that the configuration asks for.", [(pf.phy, pf.wanted) for pf in pfs]
    yield "vfs_present", "gauge", "VFs that the card has.", [(pf.phy, pf.present) for pf in pfs]
    yield "vfs_in_sync", "gauge", "VFs whose settings are all as wanted.", [(pf.phy, pf.in_sync) for pf in pfs]
    yield "vfs_orphaned", "gauge", "VFs in the tree that the card lacks.", [(pf.phy, pf.orphaned) for pf in pfs]
    yield "settings_refused", "gauge", "Settings that the driver refuses.", [(pf.phy, pf.refused) for pf in pfs]
    drifted: Samples = [(pf.phy, pf.drifted) for pf in pfs if pf.drifted is not None] or [("", figures.drifted)]
    yield "settings_drifted_total", "counter", "Settings corrected that another program had changed.", drifted
    yield "settings_applied_total", "counter", "Settings that the agent changed.", [("", figures.applied)]
    yield "errors_total", "counter", "Rounds in which something failed.", [("", figures.errors)]
    yield "session_up", "gauge", "Whether the last round reached the cluster.", [("", int(figures.session))]
    last = None if figures.last_pass is None else round(figures.last_pass, 3)
    yield "last_pass_timestamp_seconds", "gauge", "When the last round ended.", [("", last)]
