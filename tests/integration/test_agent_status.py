"""What the SR-IOV agents report is seen from anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from pvc_cli.cluster.sriov.report import AgentReport, PfReport, Report, VfReport, format_report
from tests.conftest import Pvc, Tree

NOW = 1_800_000_000.0
PF = PfReport(wanted=4, present=4, in_sync=4, refused=0, drifted=0, orphaned=0)
REPORT = Report(AgentReport("0.1.0", "pvchv1", 71, NOW - 100, NOW, 30.0), {"ens1f0": PF}, {})


def publish(tree: Tree, report: Report, node: str = "pvchv1", keepalive: float = NOW) -> None:
    tree.put(f"/nodes/{node}/monitoring_data/sriov", b"sriov")
    tree.put(f"/nodes/{node}/monitoring_data/sriov/data", format_report(report).encode())
    for other in ("pvchv1", "pvchv2", "pvchv3"):
        tree.put(f"/nodes/{other}/keepalive", str(int(keepalive)).encode())


@pytest.fixture
def sound(tree: Tree) -> Tree:
    tree.put(f"/domains/{tree.uuid('lab-02')}/state", b"disable")
    return tree


def test_a_running_agent_shows_what_it_manages(on_tree: Pvc, sound: Tree) -> None:
    publish(sound, REPORT)
    with sound.client.Lock("/nodes/pvchv1/sriov", "pvc, root@pvchv1, process 71"):
        result = on_tree("sriov", "agent", "status", "-o", "json")
        shown = {one["node"]: one for one in json.loads(result.out)}
    assert result.code == 0
    assert (shown["pvchv1"]["state"], shown["pvchv1"]["holder"]) == ("running", "pvc, root@pvchv1, process 71")
    assert shown["pvchv1"]["report"]["pfs"]["ens1f0"]["in_sync"] == 4
    assert (shown["pvchv2"]["state"], shown["pvchv2"]["holder"], shown["pvchv2"]["report"]) == ("none", None, None)
    assert on_tree("sriov", "agent", "status", "pvchv2").code == 0
    assert on_tree("sriov", "agent", "status", "nope").code == 1


@pytest.mark.parametrize(
    ("report", "keepalive", "held", "state", "problem"),
    [
        (REPORT, NOW, False, "stopped", None),
        (REPORT, NOW + 100, True, "silent", "the SR-IOV agent of pvchv1 no longer reports"),
        (
            replace(REPORT, pfs={"ens1f0": replace(PF, present=2, in_sync=2)}),
            NOW,
            True,
            "running",
            "pvchv1: 2 of 4 VFs in sync, 0 settings refused",
        ),
        (
            replace(
                REPORT,
                pfs={"ens1f0": replace(PF, in_sync=3, refused=1)},
                vfs={"ens1f0v1": VfReport("refused", NOW, {"trust": "EOPNOTSUPP"}, {"trust": False})},
            ),
            NOW,
            True,
            "running",
            "pvchv1: 3 of 4 VFs in sync, 1 settings refused",
        ),
    ],
)
def test_an_agent_in_trouble_is_seen_in_its_status_and_the_clusters(
    on_tree: Pvc, sound: Tree, report: Report, keepalive: float, held: bool, state: str, problem: str | None
) -> None:
    publish(sound, report, keepalive=keepalive)
    lock = sound.client.Lock("/nodes/pvchv1/sriov", "agent")
    if held:
        lock.acquire()
    result = on_tree("sriov", "agent", "status", "pvchv1", "-o", "json")
    (shown,) = json.loads(result.out)
    assert (result.code, shown["state"]) == (1, state)
    found = json.loads(on_tree("cluster", "status", "-o", "json").out)["problems"]
    about = [one["what"] for one in found if one["see"] == "pvc sriov agent status pvchv1"]
    assert about == ([problem] if problem else [])
    if held:
        lock.release()


def test_a_cluster_without_a_place_for_reports_has_none(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(version=8)
    result = pvc("--coordinators", tree.hosts, "sriov", "agent", "status", "-o", "json")
    assert result.code == 0
    assert {one["state"] for one in json.loads(result.out)} == {"none"}
