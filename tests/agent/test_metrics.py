"""The figures that the agent leaves for Prometheus."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvc_cli.agent.cards import Card
from pvc_cli.agent.config import Device
from pvc_cli.agent.figures import Figures, PfFigures, Rounds, figures_of
from pvc_cli.agent.kernel import NO_MAC, VfState
from pvc_cli.agent.memory import Memory
from pvc_cli.agent.metrics import write_metrics
from pvc_cli.cluster.sriov.model import VfConfig
from pvc_cli.cluster.sriov.report import AgentReport, PfReport, Report, VfReport


def lines(folder: Path, figures: Figures) -> list[str]:
    write_metrics(folder / "pvc.prom", "pvchv1", figures)
    return [line for line in (folder / "pvc.prom").read_text().splitlines() if not line.startswith("#")]


def test_each_pf_has_its_figures_and_the_node_has_its_own(tmp_path: Path) -> None:
    pf = PfFigures("ens1f0", wanted=8, present=7, in_sync=6, refused=1, drifted=2, orphaned=1)
    figures = Figures([pf], applied=5, drifted=2, errors=3, session=True, last_pass=1795577433.9876)
    assert lines(tmp_path, figures) == [
        'pvc_sriov_vfs_wanted{node="pvchv1",pf="ens1f0"} 8',
        'pvc_sriov_vfs_present{node="pvchv1",pf="ens1f0"} 7',
        'pvc_sriov_vfs_in_sync{node="pvchv1",pf="ens1f0"} 6',
        'pvc_sriov_vfs_orphaned{node="pvchv1",pf="ens1f0"} 1',
        'pvc_sriov_settings_refused{node="pvchv1",pf="ens1f0"} 1',
        'pvc_sriov_settings_drifted_total{node="pvchv1",pf="ens1f0"} 2',
        'pvc_sriov_settings_applied_total{node="pvchv1"} 5',
        'pvc_sriov_errors_total{node="pvchv1"} 3',
        'pvc_sriov_session_up{node="pvchv1"} 1',
        'pvc_sriov_last_pass_timestamp_seconds{node="pvchv1"} 1795577433.988',
    ]


def test_what_is_not_known_is_left_out_and_never_a_zero(tmp_path: Path) -> None:
    found = lines(tmp_path, Figures([PfFigures("ens1f0", wanted=8, refused=None)], drifted=4))
    assert not any("orphaned" in line or "refused" in line or "last_pass" in line for line in found)
    assert 'pvc_sriov_settings_drifted_total{node="pvchv1"} 4' in found


def test_a_configured_pf_that_the_node_lacks_has_figures_and_so_has_one_that_left() -> None:
    here = Device("ens1f0", None, 2)
    memory = Memory(cards=[Card(here, {"ens1f0v0": VfState(0, NO_MAC, VfConfig(), "")})])
    memory.drifts["ens1f0"] = 3
    report = Report(
        AgentReport("", "", 0, 0.0, 0.0, 30.0),
        {
            "ens1f0": PfReport(2, 1, 0, 1, 0, 0),
            "ens1f1": PfReport(4, 0, 0, 0, 0, 0),
            "ens2f0": PfReport(0, 0, 0, 0, 0, 2),
        },
        {"ens1f0v0": VfReport("refused", 0.0, {"trust": "no", "query_rss": "no"}, {})},
    )
    figures = figures_of(report, memory, Rounds())
    assert figures.drifted == 3
    assert figures.pfs == [
        PfFigures("ens1f0", wanted=2, present=1, in_sync=0, refused=2, drifted=3, orphaned=0),
        PfFigures("ens1f1", wanted=4, present=0, in_sync=0, refused=0, drifted=0, orphaned=0),
        PfFigures("ens2f0", wanted=0, present=0, in_sync=0, refused=0, drifted=0, orphaned=2),
    ]


def test_rounds_are_counted_and_the_last_one_is_dated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 100.0)
    rounds = Rounds()
    rounds.failed(session=False)
    assert rounds == Rounds(errors=1, session=False, last_pass=None)
    rounds.passed(failures=True)
    assert rounds == Rounds(errors=2, session=True, last_pass=100.0)
    rounds.failed(session=False)
    assert rounds == Rounds(errors=3, session=False, last_pass=100.0)
