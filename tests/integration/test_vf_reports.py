"""What the agents report of each VF is seen from anywhere, with how far it can be trusted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pvc_cli.cluster.sriov.report import AgentReport, PfReport, Report, VfReport, format_report
from tests.conftest import Pvc, Tree

WHY = "Operation not supported (EOPNOTSUPP)"
HOUR_AGO = 3600
VFS = {f"ens1f{pf}v{index}": VfReport("in_sync", 1_700_000_000.0, {}, {}) for pf in (0, 1) for index in range(4)}
BAD = {
    "ens1f0v1": VfReport("refused", 1_700_000_000.0, {"trust": WHY}, {"trust": False}),
    "ens1f0v2": VfReport("drifted", 1_700_000_060.0, {}, {"vlan_id": 7}),
    "ens1f1v2": VfReport("orphaned", 1_700_000_120.0, {}, {}),
    "ens1f1v3": VfReport("missing", 1_700_000_180.0, {}, {}),
}
PFS = {
    "ens1f0": PfReport(4, 4, 2, 1, 1, 0),
    "ens1f1": PfReport(3, 2, 2, 0, 0, 1, ("ens1f1: setting MTU 9000: Invalid argument (EINVAL)",)),
}


def publish(tree: Tree, node: str, *, age: float = 0, vfs: dict[str, VfReport] | None = None) -> None:
    """Report as the agent of *node* does, *age* seconds before the node's last keepalive."""
    now = round(time.time(), 3)
    own = AgentReport("0.1.0", node, 71, now - 9000, now - age, 30.0)
    tree.put(f"/nodes/{node}/monitoring_data/sriov", b"sriov")
    report = format_report(Report(own, PFS, VFS | (vfs or {})))
    tree.put(f"/nodes/{node}/monitoring_data/sriov/data", report.encode())
    tree.put(f"/nodes/{node}/keepalive", str(int(now)).encode())


@contextmanager
def running(tree: Tree, *nodes: str) -> Iterator[None]:
    """Hold the agent's lock of each of *nodes*, as an agent that runs does."""
    locks = [tree.client.Lock(f"/nodes/{node}/sriov", f"agent of {node}") for node in nodes]
    for lock in locks:
        lock.acquire()
    yield
    for lock in locks:
        lock.release()


@pytest.fixture
def drifted(tree: Tree) -> Iterator[Tree]:
    """A cluster in which the agent of pvchv1 reports much, that of pvchv2 fell silent, and pvchv3 has none."""
    publish(tree, "pvchv1", vfs=BAD)
    publish(tree, "pvchv2", age=HOUR_AGO)
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/config/trust", b"True")
    with running(tree, "pvchv1", "pvchv2"):
        yield tree


def test_a_list_shows_the_state_of_each_vf(on_tree: Pvc, drifted: Tree) -> None:
    documents = json.loads(on_tree("sriov", "vf", "list", "-o", "json").out)
    reports = {(one["node"], one["phy"]): one["report"] for one in documents}
    assert reports["pvchv1", "ens1f0v1"]["agent"] == "running"
    assert reports["pvchv1", "ens1f0v1"]["state"] == "refused"
    assert reports["pvchv1", "ens1f0v1"]["refused"] == {"trust": WHY}
    assert reports["pvchv1", "ens1f0v2"]["seen"] == {"vlan_id": 7}
    assert reports["pvchv2", "ens1f0v1"]["agent"] == "silent"
    assert reports["pvchv3", "ens1f0v1"] is None
    rows = on_tree("sriov", "vf", "list", "--columns", "node,vf,status").out.splitlines()
    assert "pvchv1  ens1f0v0  in sync" in rows
    assert "pvchv1  ens1f0v1  refused" in rows
    assert "pvchv2  ens1f0v1  silent" in rows
    assert "pvchv3  ens1f0v1" in rows


def test_drift_is_what_is_not_in_sync_and_why(on_tree: Pvc, drifted: Tree) -> None:
    result = on_tree("sriov", "vf", "list", "--drift")
    rows = [line.split(maxsplit=6) for line in result.out.splitlines()]
    assert [(row[1], row[2]) for row in rows[1:]] == [(name, BAD[name].state) for name in sorted(BAD)]
    assert rows[1][6] == f"trust refused: {WHY}; stays off"
    assert rows[2][3:] == ["2023-11-14", "22:14", "UTC", "vlan_id is 7, not 0"]
    assert rows[4][6] == "configured, but the card does not have it"
    assert result.err == (
        "Warning: the SR-IOV agent of pvchv2 no longer reports: showing what was reported last\n"
        "Warning: no SR-IOV agent reports from pvchv3: whether the VFs there are in sync is unknown\n"
    )
    assert result.code == 1
    assert on_tree("sriov", "vf", "list", "pvchv1", "--drift", "-o", "name").code == 0


def test_no_drift_is_told_from_nothing_known(on_tree: Pvc, tree: Tree) -> None:
    drift = ("sriov", "vf", "list", "--drift")
    unknown = "Warning: no SR-IOV agent reports from {}: whether the VFs there are in sync is unknown\n"
    nothing = "No agent reports: whether VFs are in sync is unknown.\n"
    result = on_tree(*drift)
    assert (result.code, result.out, result.err) == (1, "", unknown.format("pvchv1, pvchv2, pvchv3") + nothing)
    publish(tree, "pvchv1")
    with running(tree, "pvchv1"):
        result = on_tree(*drift, "pvchv1")
        assert (result.code, result.err) == (0, "All VFs are in sync.\n")
        result = on_tree(*drift)
        assert (result.code, result.err) == (
            1,
            unknown.format("pvchv2, pvchv3") + "All VFs of the nodes that report are in sync.\n",
        )
    tree.put("/nodes/pvchv1/daemonstate", b"dead")
    result = on_tree(*drift, "pvchv1", "-o", "json")
    assert (result.code, json.loads(result.out)) == (1, [])
    assert result.err == "Warning: node pvchv1 is down: showing what was reported last\n" + nothing


def test_the_vfs_of_one_vm_are_those_claimed_and_those_in_its_xml(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("sriov", "vf", "list", "--vm", "nfv-01", "-o", "name").out.split() == ["pvchv1/ens1f0v0"]
    web = f"/domains/{tree.uuid('web-01')}"
    assert on_tree("sriov", "vf", "list", "--vm", "web-01").err == "No VFs.\n"
    xml = tree.client.get(f"{web}/xml")[0].decode()
    use = "<interface type='direct'><mac address='52:54:00:00:00:01'/><source dev='ens1f1v2'/></interface></devices>"
    tree.put(f"{web}/xml", xml.replace("</devices>", use).encode())
    node = tree.client.get(f"{web}/node")[0].decode()
    found = json.loads(on_tree("sriov", "vf", "list", "--vm", "web-01", "-o", "json").out)
    assert [(one["node"], one["phy"]) for one in found] == [(node, "ens1f1v2")]
    tree.put(f"{web}/xml", b"<broken")
    result = on_tree("sriov", "vf", "list", "--vm", "web-01")
    assert "the XML of VM web-01 is unreadable: showing only what is claimed for it" in result.err
    assert on_tree("sriov", "vf", "list", "--vm", "nope").code == 1
    assert on_tree("sriov", "vf", "list", "--vm", "web-*").code == 2


def test_a_vf_shows_what_its_card_refuses(on_tree: Pvc, drifted: Tree) -> None:
    lines = on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v1").out.splitlines()
    assert "Agent:       running" in lines
    assert "Status:      refused since 2023-11-14 22:13 UTC" in lines
    assert f"trust        on      refused: {WHY}; stays off" in lines
    lines = on_tree("sriov", "vf", "info", "pvchv1", "ens1f1v3").out.splitlines()
    assert "Status:      missing since 2023-11-14 22:16 UTC: configured, but the card does not have it" in lines


@pytest.mark.parametrize(
    ("daemon", "held", "age", "said"),
    [
        (b"run", True, HOUR_AGO, "the SR-IOV agent of pvchv1 no longer reports"),
        (b"run", False, 0, "the SR-IOV agent of pvchv1 is stopped"),
        (b"dead", False, 0, "node pvchv1 is down"),
    ],
)
def test_who_no_longer_reports_is_said_so(
    on_tree: Pvc, tree: Tree, daemon: bytes, held: bool, age: float, said: str
) -> None:
    publish(tree, "pvchv1", age=age)
    tree.put("/nodes/pvchv1/daemonstate", daemon)
    with running(tree, *(["pvchv1"] if held else [])):
        for words in (("vf", "info", "pvchv1", "ens1f0v1"), ("pf", "info", "pvchv1", "ens1f0")):
            lines = on_tree("sriov", *words).out.splitlines()
            assert [line.split(":")[1].strip() for line in lines if line.startswith("Agent:")] == [said]
            assert any(line.startswith("Reported:") and line.endswith(" ago)") for line in lines)


def test_a_node_without_an_agent_is_said_so(on_tree: Pvc) -> None:
    out = on_tree("sriov", "vf", "info", "pvchv1", "ens1f0v1").out
    assert "node pvchv1 has no SR-IOV agent" in out
    assert "REPORTED" not in out


def test_a_pf_shows_how_many_vfs_it_has_and_its_problems(on_tree: Pvc, drifted: Tree) -> None:
    lines = on_tree("sriov", "pf", "info", "pvchv1", "ens1f1").out.splitlines()
    assert "VFs:        3 configured, 2 present, 2 in sync, 1 orphaned" in lines
    assert "Problem:    ens1f1: setting MTU 9000: Invalid argument (EINVAL)" in lines
    assert [line.split()[1] for line in lines[-4:]] == ["in", "in", "orphaned", "missing"]
    (document,) = (
        one
        for one in json.loads(on_tree("sriov", "pf", "list", "pvchv1", "-o", "json").out)
        if one["phy"] == "ens1f1"
    )
    assert document["report"]["wanted"] == 3
    assert document["report"]["agent"] == "running"
    rows = [line.split(maxsplit=5) for line in on_tree("sriov", "pf", "list").out.splitlines()]
    assert [row[5] for row in rows[1:5]] == ["1 refused", "1 missing", "silent", "silent"]


@pytest.mark.parametrize(
    ("daemon", "held", "reports", "age", "said"),
    [
        (b"run", True, True, HOUR_AGO, "the SR-IOV agent of pvchv1 no longer reports"),
        (b"run", False, True, 0, "the SR-IOV agent of pvchv1 is stopped"),
        (b"run", False, False, 0, "node pvchv1 has no SR-IOV agent"),
        (b"dead", False, False, 0, "node pvchv1 is down"),
        (b"run", True, True, 0, None),
    ],
)
def test_who_will_not_apply_a_setting_now_is_warned_of(
    on_tree: Pvc, tree: Tree, daemon: bytes, held: bool, reports: bool, age: float, said: str | None
) -> None:
    if reports:
        publish(tree, "pvchv1", age=age)
    tree.put("/nodes/pvchv1/daemonstate", daemon)
    words = ("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "9")
    with running(tree, *(["pvchv1"] if held else [])):
        assert "Warning" not in on_tree(*words, "--dry-run").err
        result = on_tree(*words)
        kept = f"Warning: {said}: what was set is kept, and applied once an agent runs there"
        assert result.code == 0
        assert result.err.splitlines()[1:] == ([kept] if said else [])
        assert on_tree(*words).err == "pvchv1/ens1f0v1: unchanged.\n"
        if said:
            within = " within 0.2 s" if reports and daemon == b"run" else ""
            result = on_tree(*words, "--wait", "0.2")
            assert (result.code, result.err.splitlines()[-1]) == (
                4,
                f"Error: pvchv1/ens1f0v1: no answer{within}: {said}; the setting is kept",
            )


@pytest.mark.parametrize(
    ("daemon", "said"), [(b"run", "node pvchv1 has no SR-IOV agent"), (b"dead", "node pvchv1 is down")]
)
def test_a_wait_that_cannot_end_is_not_begun(on_tree: Pvc, tree: Tree, daemon: bytes, said: str) -> None:
    tree.put("/nodes/pvchv1/daemonstate", daemon)
    started = time.monotonic()
    result = on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "9", "--wait")
    assert time.monotonic() - started < 30
    assert result.code == 4
    assert result.err.splitlines()[1:] == [f"Error: pvchv1/ens1f0v1: no answer: {said}; the setting is kept"]
    assert tree.client.get("/nodes/pvchv1/sriov/vf/ens1f0v1/config/vlan_id")[0] == b"9"


@pytest.mark.parametrize("words", [("sriov", "vf", "apply"), ("apply",)])
def test_a_file_warns_once_for_each_node_that_applies_nothing_now(
    on_tree: Pvc, tree: Tree, tmp_path: Path, words: tuple[str, ...]
) -> None:
    publish(tree, "pvchv1")
    publish(tree, "pvchv2", age=HOUR_AGO)
    file = tmp_path / "vfs.yaml"
    file.write_text("version: 1\nvfs: [{node: 'pvchv*', vf: 'ens1f0v[12]', config: {vlan_id: 9}}]\n")
    kept = "what was set is kept, and applied once an agent runs there"
    with running(tree, "pvchv1", "pvchv2"):
        assert "Warning" not in on_tree(*words, "-f", str(file), "--dry-run").err
        result = on_tree(*words, "-f", str(file), "--yes")
        assert result.code == 0
        assert [line for line in result.err.splitlines() if "Warning" in line] == [
            f"Warning: the SR-IOV agent of pvchv2 no longer reports: {kept}",
            f"Warning: node pvchv3 has no SR-IOV agent: {kept}",
        ]
        assert "Warning" not in on_tree(*words, "-f", str(file), "--yes").err


def test_without_a_place_for_reports_there_is_nothing_to_wait_for(on_tree: Pvc, pvc: Pvc, tmp_path: Path) -> None:
    words = ("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "9", "--wait")
    file = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(file)).code == 0
    result = pvc("--write", "-c", f"file:{file}", *words)
    assert (result.code, "a backup has no daemons" in result.err) == (1, True)
    assert pvc("--write", "-c", f"file:{file}", *words[:-1]).err.count("Warning") == 0


def test_before_version_9_waiting_for_the_card_is_refused(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(version=8)
    words = ("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "9", "--wait")
    before = tree.dump()
    result = pvc("--coordinators", tree.hosts, *words)
    assert (result.code, "needs schema version 9, and this cluster has 8" in result.err) == (1, True)
    assert tree.dump() == before


def test_the_history_of_a_vf_has_what_pvc_changed_and_what_the_agent_reports(on_tree: Pvc, drifted: Tree) -> None:
    on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v*", "--vlan-id", "101")
    on_tree("vm", "tag", "add", "web-01", "blue")
    on_tree("sriov", "vf", "claim", "pvchv1/ens1f0v1", "web-01", "--force")
    found = json.loads(on_tree("sriov", "vf", "history", "pvchv1/ens1f0v1", "-o", "json").out)
    assert [(event["source"], len(event.get("changes", ()))) for event in found] == [
        ("pvc", 2),
        ("pvc", 1),
        ("agent", 0),
    ]
    assert found[2] == {
        "time": 1_700_000_000.0, "source": "agent", "state": "refused", "reason": f"trust refused: {WHY}; stays off"
    }  # fmt: skip
    rows = on_tree("sriov", "vf", "history", "pvchv1", "ens1f0v1", "--columns", "by,change").out.splitlines()
    assert rows[2].endswith("vlan_id 0 -> 101")
    assert rows[3].startswith("agent of pvchv1  refused: trust refused")
    assert "used_by (none) -> web-01" in rows[1]


def test_a_vf_without_a_history_says_so_and_one_that_never_was_is_refused(on_tree: Pvc) -> None:
    known = on_tree("sriov", "vf", "history", "pvchv3", "ens1f0v2")
    assert (known.code, known.out) == (0, "")
    assert known.err == "Nothing is known to have changed on pvchv3/ens1f0v2.\n"
    assert on_tree("sriov", "vf", "history", "nope", "ens1f0v2").err.startswith("Error: there is no node 'nope'")
    assert on_tree("sriov", "vf", "history", "pvchv3", "eth7").err.startswith("Error: node pvchv3 has no VF 'eth7'")
    assert on_tree("sriov", "vf", "history", "pvchv3", "ens*").code == 2
    for name in ("", ".."):
        assert on_tree("sriov", "vf", "history", "pvchv1", name).err == (
            f"Error: node pvchv1 has no VF '{name}': see 'pvc sriov vf list pvchv1'\n"
        )
