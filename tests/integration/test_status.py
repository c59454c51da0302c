"""`pvc cluster status`: a sound cluster is sound, and everything that can be wrong is named."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import Pvc, Tree


@pytest.fixture
def sound(tree: Tree) -> Tree:
    """The demo cluster, without the VM that failed in it."""
    tree.put(f"/domains/{tree.uuid('lab-02')}/state", b"stop")
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
        "Status:  healthy",
        "Health:  100 %",
        "Nodes:   3 (3 run)",
        "Primary: pvchv1",
        "VMs:     20 (1 shutdown, 18 start, 1 stop)",
        "Schema:  version 15",
    ]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("/nodes/pvchv2/daemonstate", b"dead", "the daemon of pvchv2 is in state dead"),
        ("/nodes/pvchv2/domainstate", b"flushed", "pvchv2 is flushed for VMs"),
        ("/nodes/pvchv2/monitoring_health", b"50", "the health of pvchv2 is 50 %"),
        ("/nodes/pvchv2/activeschema", b"14", "pvchv2 runs another schema version than the cluster's 15"),
        ("/nodes/pvchv2/pvcversion", b"1.0.4", "the nodes run different releases of PVC (1.0.3 on 2, 1.0.4 on 1)"),
        ("/config/primary_node", b"none", "no node is the primary coordinator"),
        ("/nodes/pvchv2/bogus", b"", "the tree differs from its schema: 1 stray"),
        ("/nodes/pvchv2/sriov/vf/ens1f0v1/used", b"True", "pvchv2 ens1f0v1: marked used, but no VM recorded"),
        ("/faults/1c9a4f02/status", b"new", "Node pvchv2 disk sdb reports reallocated sectors (-10 % health)"),
        ("/nodes/pvchv1/memalloc", b"999999", "the running VMs need"),
        ("/ceph/osds/1/stats", b'{"up": 0, "in": 1}', "OSD 1 is down"),
        ("/ceph/osds/1/stats", b'{"up": 1, "in": 0}', "OSD 1 is out"),
        ("/ceph/osds/2/stats", b'{"up": 1, "in": 1, "utilization": 91.2}', "OSD 2 is full: 91 %"),
        (
            "/ceph/health",
            b'{"status": "HEALTH_WARN", "checks": {"OSD_DOWN": {"summary": {"message": "1 osds down"}}}}',
            "Ceph reports HEALTH_WARN: 1 osds down",
        ),
        ("/nodes/pvchv2/sriov/pf/ens1f0/vfcount", b"8", "pvchv2 ens1f0 has 4 VFs, and 8 are configured"),
    ],
)
def test_what_is_wrong_is_named_and_is_exit_1(on_tree: Pvc, sound: Tree, path: str, value: bytes, said: str) -> None:
    sound.put(path, value)
    (found,) = problems(on_tree)
    assert found.startswith(said)
    assert on_tree("cluster", "status").code == 1


def test_a_failed_vm_is_named_with_its_reason(on_tree: Pvc, tree: Tree) -> None:
    assert problems(on_tree) == ["lab-02 failed: The host ran out of memory"]
    assert "pvc vm info lab-02" in on_tree("cluster", "status").out


def test_a_note_is_no_problem(on_tree: Pvc, sound: Tree, pvc: Pvc, demo: Callable[..., Tree]) -> None:
    sound.put("/config/maintenance", b"True")
    assert problems(on_tree) == ["maintenance mode is on"]
    assert on_tree("cluster", "status").code == 0


def test_an_old_cluster_hears_of_its_pending_upgrade(pvc: Pvc, demo: Callable[..., Tree]) -> None:
    tree = demo(version=0)
    tree.put(f"/domains/{tree.uuid('lab-02')}/state", b"stop")
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
    assert (result.code, json.loads(result.out)["health"]) == (1, 90)
    assert "Health:  90 %" in on_tree("cluster", "status").out
    assert on_tree("cluster", "status", "--min-health", "90").code == 0
    assert on_tree("cluster", "status", "--min-health", "91").code == 1


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"status": 3, "checks": []}', b"[" * 100_000, b'{"up": "no"}'])
def test_what_storage_says_is_not_trusted(on_tree: Pvc, sound: Tree, text: bytes) -> None:
    sound.put("/ceph/health", text)
    sound.put("/ceph/osds/1/stats", text)
    assert problems(on_tree) == []
