"""`pvc cluster status`: a sound cluster is sound, and everything that can be wrong is named."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable

import pytest

from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree
from tests.terminal import Terminal


@pytest.fixture
def sound(tree: Tree) -> Tree:
    """The demo cluster, without the VM that failed in it."""
    tree.put(f"/domains/{tree.uuid('lab-02')}/state", b"disable")
    return tree


def problems(pvc: Pvc) -> list[str]:
    result = pvc("cluster", "status", "-o", "json")
    document = json.loads(result.out)
    assert result.code == (0 if document["healthy"] else 1)
    assert document["healthy"] == (not any(problem["serious"] for problem in document["problems"]))
    return [problem["what"] for problem in document["problems"]]


def test_a_sound_cluster_is_well(on_tree: Pvc, sound: Tree) -> None:
    assert problems(on_tree) == []
    result = on_tree("cluster", "status")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Status:    healthy",
        "Health:    100 %",
        "Nodes:     3 (3 run)",
        "Primary:   pvchv1",
        "VMs:       20 (1 disable, 1 shutdown, 18 start)",
        "OSDs:      3 (3 up,in)",
        "Schema:    version 15",
        "ZooKeeper: 1 server answers; without it the cluster stops",
    ]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("/nodes/pvchv2/domainstate", b"flushed", "pvchv2 takes no VMs: its domain state is flushed"),
        ("/nodes/pvchv2/monitoring_health", b"50", "the health of pvchv2 is 50 %"),
        ("/nodes/pvchv2/activeschema", b"14", "pvchv2 runs another schema version than the cluster's 15"),
        ("/nodes/pvchv2/pvcversion", b"1.0.4", "the nodes run different releases of PVC (1.0.3 on 2, 1.0.4 on 1)"),
        ("/config/primary_node", b"none", "no node is the primary coordinator"),
        ("/nodes/pvchv2/bogus", b"", "the tree differs from its schema: 1 stray"),
        ("/nodes/pvchv2/sriov/vf/ens1f0v1/used", b"True", "pvchv2/ens1f0v1: marked used, but no VM recorded"),
        ("/faults/1c9a4f02/status", b"new", "Node pvchv2 disk sdb reports reallocated sectors (-10 % health)"),
        ("/ceph/osds/1/stats", b'{"up": 0, "in": 1}', "OSD 1 is down"),
        ("/ceph/osds/1/stats", b'{"up": 1, "in": 0}', "OSD 1 is out"),
        ("/ceph/osds/2/stats", b'{"up": 1, "in": 1, "utilization": 91.2}', "OSD 2 is full: 91 %"),
        (
            "/ceph/health",
            b'{"status": "HEALTH_WARN", "checks": {"OSD_DOWN": {"summary": {"message": "1 osds down"}}}}',
            "Ceph reports HEALTH_WARN: 1 osds down",
        ),
        ("/nodes/pvchv2/sriov/pf/ens1f0/vfcount", b"8", "pvchv2/ens1f0 has 4 VFs, and 8 are configured"),
    ],
)
def test_what_is_wrong_is_named_and_is_exit_1(on_tree: Pvc, sound: Tree, path: str, value: bytes, said: str) -> None:
    sound.put(path, value)
    (found,) = problems(on_tree)
    assert found.startswith(said)
    assert on_tree("cluster", "status").code == 1


@pytest.mark.parametrize(
    ("wanted", "acting", "line", "said"),
    [
        (
            "pvchv2",
            ["pvchv1"],
            "pvchv1 (pvchv2 requested)",
            "the primary coordinator should be pvchv2, but is pvchv1",
        ),
        (
            "pvchv2",
            [],
            "none (pvchv2 requested)",
            "the primary coordinator should be pvchv2, but is none",
        ),
        (
            "pvchv1",
            ["pvchv1", "pvchv3"],
            "pvchv1, pvchv3 (pvchv1 requested)",
            "the primary coordinator should be pvchv1, but is pvchv1, pvchv3",
        ),
        (
            "none",
            ["pvchv1"],
            "pvchv1 (another requested)",
            "no node is the primary coordinator; still acting as it: pvchv1",
        ),
        ("none", [], "none", "no node is the primary coordinator"),
    ],
)
def test_a_primary_that_is_only_requested_is_not_called_one(
    on_tree: Pvc, sound: Tree, wanted: str, acting: list[str], line: str, said: str
) -> None:
    """As it was: status named the one that was requested, and node list another."""
    sound.put("/config/primary_node", wanted.encode())
    for node in ("pvchv1", "pvchv2", "pvchv3"):
        sound.put(f"/nodes/{node}/routerstate", b"primary" if node in acting else b"secondary")
    assert problems(on_tree) == [said]
    assert f"Primary:   {line}\n" in on_tree("cluster", "status").out
    document = json.loads(on_tree("cluster", "status", "-o", "json").out)
    assert document["acting_primaries"] == acting
    assert document["primary_node"] == (None if wanted == "none" else wanted)
    listed = json.loads(on_tree("node", "list", "-o", "json").out)
    assert [node["name"] for node in listed if node["coordinator_state"] == "primary"] == acting
    figures = on_tree("cluster", "status", "-o", "prometheus").out
    assert [
        node for node in ("pvchv1", "pvchv2", "pvchv3") if f'pvc_node_primary{{node="{node}"}} 1' in figures
    ] == acting


def test_a_failed_vm_is_named_with_its_reason(on_tree: Pvc, tree: Tree) -> None:
    assert problems(on_tree) == ["lab-02 failed: The host ran out of memory"]
    assert "pvc vm info lab-02" in on_tree("cluster", "status").out


def test_a_note_is_no_problem(on_tree: Pvc, sound: Tree, pvc: Pvc, demo: Callable[..., Tree]) -> None:
    sound.put("/config/maintenance", b"True")
    assert problems(on_tree) == ["maintenance mode is on"]
    assert on_tree("cluster", "status").code == 0


def test_an_old_cluster_hears_of_its_pending_upgrade(pvc: Pvc, demo: Callable[..., Tree]) -> None:
    tree = demo(version=0)
    tree.put(f"/domains/{tree.uuid('lab-02')}/state", b"disable")
    result = pvc("--coordinators", tree.hosts, "cluster", "status")
    assert result.code == 0
    assert "all nodes know schema version 15" in result.out


def test_an_empty_tree_is_not_called_well(pvc: Pvc, empty: Tree) -> None:
    result = pvc("--coordinators", empty.hosts, "cluster", "status")
    assert result.code == 1
    assert "there are no nodes" in result.out


def test_the_health_is_pvcs_number_and_may_have_a_limit(on_tree: Pvc, sound: Tree) -> None:
    sound.put("/faults/1c9a4f02/status", b"new")
    result = on_tree("cluster", "status", "-o", "json")
    assert (result.code, json.loads(result.out)["cluster_health"]) == (
        1,
        {
            "health": 90,
            "messages": [
                {
                    "id": "1c9a4f02",
                    "health_delta": 10,
                    "text": "Node pvchv2 disk sdb reports reallocated sectors",
                }
            ],
        },
    )
    assert "Health:    90 %" in on_tree("cluster", "status").out
    assert on_tree("cluster", "status", "--min-health", "90").code == 0
    assert on_tree("cluster", "status", "--min-health", "91").code == 1


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"status": 3, "checks": []}', b"[" * 100_000, b'{"up": "no"}'])
def test_what_storage_says_is_not_trusted(on_tree: Pvc, sound: Tree, text: bytes) -> None:
    sound.put("/ceph/health", text)
    sound.put("/ceph/osds/1/stats", text)
    assert problems(on_tree) == [
        "Ceph does not report its health",
        "OSD 1 does not report whether it is up and in",
    ]


def test_vms_that_should_run_on_a_dead_node_are_named(on_tree: Pvc, sound: Tree) -> None:
    sound.put("/nodes/pvchv2/daemonstate", b"dead")
    assert problems(on_tree) == [
        "the daemon of pvchv2 is in state dead: PVC has not fenced it yet, so that its VMs may still run there",
        "app-01, build-01, cache-02 and 4 more should run on pvchv2, which is dead",
    ]
    sound.put(f"/domains/{sound.uuid('app-01')}/node", b"gone")
    assert "app-01 should run on gone, which does not exist" in problems(on_tree)


def test_what_pvc_counts_is_counted(on_tree: Pvc, sound: Tree) -> None:
    for name, state in (("web-01", b"stop"), ("app-01", b"stop"), ("app-02", b"bogus")):
        sound.put(f"/domains/{sound.uuid(name)}/state", state)
    sound.put("/config/primary_node", b"gone")
    assert problems(on_tree) == [
        "the primary coordinator gone does not exist",
        "app-01, web-01 stopped: start or disable them",
        "PVC knows no such state: app-02 in state bogus",
    ]


def test_a_hint_can_be_pasted_whatever_a_vm_is_called(on_tree: Pvc, sound: Tree) -> None:
    vm = f"/domains/{sound.uuid('web-01')}"
    sound.put(vm, b"web 01; rm -rf ~")
    sound.put(f"{vm}/state", b"fail")
    (problem,) = json.loads(on_tree("cluster", "status", "-o", "json").out)["problems"]
    assert problem["see"] == "pvc vm info 'web 01; rm -rf ~'"


def test_faults_add_no_health(on_tree: Pvc, sound: Tree) -> None:
    sound.put("/faults/1c9a4f02/status", b"new")
    sound.put("/faults/1c9a4f02/delta", b"-500")
    assert "Health:    100 %" in on_tree("cluster", "status").out


def test_the_document_has_the_names_of_pvcs(on_tree: Pvc, sound: Tree) -> None:
    document = json.loads(on_tree("cluster", "status", "-o", "json").out)
    assert list(document) == [
        *(
            "cluster_health",
            "node_health",
            "maintenance",
            "primary_node",
            "acting_primaries",
            "pvc_version",
            "upstream_ip",
            "nodes",
            "vms",
        ),
        *("networks", "osds", "pools", "volumes", "snapshots", "schema_version", "zookeeper", "healthy", "problems"),
    ]
    assert document["node_health"]["pvchv2"] == {"health": 100, "stale": False, "messages": []}
    assert document["nodes"] == {"total": 3, "run,ready": 3}
    assert document["vms"] == {"total": 20, "disable": 1, "shutdown": 1, "start": 18}
    assert document["osds"] == {"total": 3, "up,in": 3}
    assert (document["networks"], document["pools"], document["volumes"], document["snapshots"]) == (4, 1, 22, 4)
    assert (document["upstream_ip"], document["pvc_version"]) == ("10.0.0.250", "1.0.3")


def test_a_node_that_went_silent_is_noticed_by_the_clocks_of_the_others(on_tree: Pvc, sound: Tree) -> None:
    now = int(time.time())
    for node, ago in (("pvchv1", 3), ("pvchv2", 700), ("pvchv3", 9)):
        sound.put(f"/nodes/{node}/keepalive", str(now - ago).encode())
    assert problems(on_tree) == ["pvchv2 sent its last keepalive 11 min before others"]
    sound.put("/nodes/pvchv2/keepalive", b"never")
    assert problems(on_tree) == ["pvchv2 has never sent a keepalive"]
    # One clock that is ahead makes nobody late.
    sound.put("/nodes/pvchv2/keepalive", str(now + 7_000).encode())
    assert problems(on_tree) == []
    for node in ("pvchv1", "pvchv2", "pvchv3"):
        sound.put(f"/nodes/{node}/keepalive", str(now - 3 * 86_400).encode())
    assert problems(on_tree) == ["no node sent a keepalive for 3 days, by the clock of this machine"]


def test_memory_that_does_not_suffice_is_noticed(on_tree: Pvc, sound: Tree) -> None:
    sound.put("/nodes/pvchv1/memtotal", b"60000")
    sound.put("/nodes/pvchv1/memalloc", b"61000")
    assert "the VMs on pvchv1 have 59.57 GiB of its 58.59 GiB" in problems(on_tree)
    sound.put("/nodes/pvchv1/memtotal", b"999999")
    sound.put("/nodes/pvchv1/memalloc", b"900000")
    (found,) = problems(on_tree)
    assert re.fullmatch(r"the running VMs need [\d.]+ GiB, and without the largest node there are [\d.]+ GiB", found)


def test_a_vm_outside_its_node_limit_is_noticed(on_tree: Pvc, sound: Tree) -> None:
    sound.put(f"/domains/{sound.uuid('web-01')}/node_limit", b"pvchv2,pvchv3")
    assert problems(on_tree) == ["web-01 is on pvchv1, outside its node limit"]


TROUBLE = {
    "the daemon of pvchv3 is in state fenced: PVC fenced it, so that its VMs no longer run there": (
        "pvc node info pvchv3"
    ),
    "pvchv3 takes no VMs: its domain state is flushed": "pvc node info pvchv3",
    "the health of pvchv2 is 90 %": "pvc node info pvchv2",
    "app-02, build-02, db-01 and 1 more should run on pvchv3, which is fenced": "pvc vm list -s start -t pvchv3",
    "Node pvchv3 was dead and is now fenced (-50 % health)": "pvc fault list --new",
    "Node pvchv2 has corrected memory errors (-10 % health)": "pvc fault list --new",
    "OSD 2 is down and out": "pvc storage osd list",
    "Ceph reports HEALTH_WARN: 1 osds down": "pvc storage status",
    "PVC leaves out web-02: its node_autostart cannot be parsed": "pvc schema validate",
    "lab-02 failed: The host ran out of memory": "pvc vm info lab-02",
    "app-01 is on pvchv2, outside its node limit": "pvc vm meta get app-01",
    "the lock on /config/primary_node/sync_lock is stuck: nobody can acquire it": "pvc schema validate",
    "the tree differs from its schema: 1 missing": "pvc schema validate",
    "pvchv1/ens1f1v3: claimed for web-01, whose XML does not use it": "pvc sriov vf audit pvchv1",
}


def test_every_trouble_is_named_the_most_serious_first_with_the_command_that_shows_more(
    on_tree: Pvc, tree: Tree
) -> None:
    with ZKHandler(tree.hosts) as handler:
        make_trouble(handler)
    result = on_tree("cluster", "status", "-o", "json")
    document = json.loads(result.out)
    assert result.code == 1
    assert {problem["what"]: problem["see"] for problem in document["problems"]} == TROUBLE
    weights = [problem["weight"] for problem in document["problems"]]
    assert weights == sorted(weights, reverse=True)
    assert document["cluster_health"]["health"] == 40
    # The commands that are to show more do.
    for see in TROUBLE.values():
        assert on_tree(*see.split()[1:]).out


def test_trouble_fits_80_columns_and_nothing_of_it_is_cut(tree: Tree) -> None:
    with ZKHandler(tree.hosts) as handler:
        make_trouble(handler)
    command = [sys.executable, "-m", "pvc_cli", "--no-color", "--coordinators", tree.hosts, "cluster", "status"]
    terminal = Terminal(command, dict(os.environ))
    assert terminal.wait_for_end() == 1
    shown = terminal.seen
    assert "…" not in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    (header,) = [line for line in shown.splitlines() if "WHAT" in line]
    what, see = header.index("WHAT"), header.index("SEE")
    rows = shown.splitlines()[shown.splitlines().index(header) + 1 :]
    said = " ".join(" ".join(row[what:see] for row in rows).split())
    assert all(problem in said for problem in TROUBLE)
    assert all(any(row[see:] == hint for row in rows) for hint in TROUBLE.values())


@pytest.mark.parametrize("columns", [60, 45])
def test_on_a_narrow_terminal_the_next_command_stands_below_and_can_be_copied(tree: Tree, columns: int) -> None:
    with ZKHandler(tree.hosts) as handler:
        make_trouble(handler)
    lines = on_narrow_terminal(tree, columns, "cluster", "status")
    rows = lines[lines.index("         WHAT") + 1 :]
    assert all(f"         {hint}" in rows for hint in TROUBLE.values())
    said = " ".join(" ".join(row[9:] for row in rows if row[9:] not in TROUBLE.values()).split())
    assert all(problem in said for problem in TROUBLE)


def test_on_a_narrow_terminal_faults_are_whole_with_their_time_below(tree: Tree) -> None:
    lines = on_narrow_terminal(tree, 60, "fault", "list")
    assert lines[:4] == [
        "ID        STATUS  HEALTH  MESSAGE",
        "1c9a4f02  ack      -10 %  Node pvchv2 disk sdb reports",
        "                          reallocated sectors",
        "                          2026-03-01 10:00:00",
    ]


def on_narrow_terminal(tree: Tree, columns: int, *words: str) -> list[str]:
    """What a command shows on a terminal with so many *columns*: nothing is cut, and nothing is wider."""
    command = [sys.executable, "-m", "pvc_cli", "--no-color", "--coordinators", tree.hosts, *words]
    terminal = Terminal(command, dict(os.environ), columns=columns)
    terminal.wait_for_end()
    lines = terminal.seen.splitlines()
    assert "…" not in terminal.seen
    assert all(len(line) <= columns for line in lines)
    return lines


@pytest.mark.parametrize("version", [0, 3, 9, 14])
def test_trouble_comes_to_clusters_of_every_version(demo: Callable[..., Tree], pvc: Pvc, version: int) -> None:
    tree = demo(version=version, vms=1)
    with ZKHandler(tree.hosts) as handler:
        make_trouble(handler)
    result = pvc("--coordinators", tree.hosts, "cluster", "status")
    assert result.code == 1
    assert "the daemon of pvchv3 is in state fenced" in result.out
