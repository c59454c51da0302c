"""A node whose daemon does not run: its last figures are not shown as today's, and its fencing is told."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.conftest import Pvc, Tree

HV2 = "/nodes/pvchv2"
RESET = (
    "runningdomains",
    "domainscount",
    "cpuload",
    "vcpualloc",
    "memtotal",
    "memused",
    "memfree",
    "memalloc",
    "memprov",
)
"""What PVC sets to 0 once it has tried to fence a node."""


def put(tree: Tree, **values: str) -> None:
    for name, value in values.items():
        tree.put(f"{HV2}/{name}", value.encode())


def reset(tree: Tree) -> None:
    put(tree, **dict.fromkeys(RESET, "0"), monitoring_health="")


def silence(tree: Tree) -> None:
    """Let pvchv2 go silent while maintenance is on, when PVC marks no node as dead."""
    now = int(time.time())
    tree.put("/config/maintenance", b"true")
    for node, ago in (("pvchv1", 3), ("pvchv2", 700), ("pvchv3", 9)):
        tree.put(f"/nodes/{node}/keepalive", str(now - ago).encode())


@pytest.mark.parametrize("state", ["dead", "fenced", "stop"])
def test_the_last_figures_of_a_node_whose_daemon_does_not_run_are_unknown_in_lists(
    on_tree: Pvc, tree: Tree, state: str
) -> None:
    put(tree, daemonstate=state)
    columns = "name,daemon,health,vms-up,load,used,free,allocated,provisioned,vcpus,memory"
    listed = on_tree("node", "list", "^pvchv2$", "--columns", columns, "--no-headers").out.split()
    assert listed == ["pvchv2", state, *["?"] * 8, "128", "GiB"]
    table = on_tree("node", "list", "--columns", "name,health", "--no-headers").out.splitlines()
    assert [line.split() for line in table] == [["pvchv1", "100", "%"], ["pvchv2", "?"], ["pvchv3", "100", "%"]]
    assert (
        on_tree("node", "list", "^pvchv2$", "-o", "csv", "--columns", "name,health,load").out.split()[1] == "pvchv2,,"
    )


def test_documents_keep_the_last_figures_and_say_that_they_are_stale(on_tree: Pvc, tree: Tree) -> None:
    put(tree, daemonstate="dead")
    found = {node["name"]: node for node in json.loads(on_tree("node", "list", "-o", "json").out)}
    assert [(node["health"], node["stale"], node["fencing"]) for node in found.values()] == [
        (100, False, None),
        (100, True, "pending"),
        (100, False, None),
    ]
    health = json.loads(on_tree("cluster", "status", "-o", "json").out)["node_health"]
    assert health["pvchv2"] == {"health": 100, "stale": True, "messages": []}


def test_details_say_from_when_the_figures_are(on_tree: Pvc, tree: Tree) -> None:
    silence(tree)
    put(tree, daemonstate="dead")
    shown = on_tree("node", "info", "pvchv2").out
    assert re.search(r"^Last report: +11 min ago, all figures below are from then$", shown, re.MULTILINE)
    assert re.search(r"^Health: +unknown, was 100 %$", shown, re.MULTILINE)
    reset(tree)
    assert "11 min ago, PVC has reset all figures below since" in on_tree("node", "info", "pvchv2").out
    alive = on_tree("node", "info", "pvchv1").out
    assert "Last report" not in alive
    assert re.search(r"^Health: +100 %$", alive, re.MULTILINE)


def test_a_node_that_is_silent_during_maintenance_is_not_shown_as_well(on_tree: Pvc, tree: Tree) -> None:
    silence(tree)
    for pattern in ((), ("^pvchv2$",)):
        lines = on_tree("node", "list", *pattern, "--columns", "name,daemon,health", "--no-headers").out
        assert re.search(r"^pvchv2 +run, silent +\?$", lines, re.MULTILINE)
    assert re.search(r"^Daemon: +run, silent$", on_tree("node", "info", "pvchv2").out, re.MULTILINE)
    assert 'pvc_node_up{node="pvchv2"} 0' in on_tree("cluster", "status", "-o", "prometheus").out


def test_figures_for_prometheus_are_left_out_once_nobody_reports_them(on_tree: Pvc, tree: Tree) -> None:
    silence(tree)
    put(tree, daemonstate="dead")
    figures = on_tree("cluster", "status", "-o", "prometheus").out
    for name in ("health", "load", "vms", "vcpus_allocated", "memory_used_bytes", "memory_free_bytes"):
        assert f'pvc_node_{name}{{node="pvchv1"}}' in figures
        assert f'pvc_node_{name}{{node="pvchv2"}}' not in figures
    assert 'pvc_node_up{node="pvchv2"} 0' in figures
    assert 'pvc_node_ready{node="pvchv2"} 0' in figures
    assert 'pvc_node_fencing{node="pvchv2",state="pending"} 1' in figures
    assert 'pvc_node_keepalive_timestamp_seconds{node="pvchv2"}' in figures
    # What the node is made of stays, until PVC forgets it.
    assert 'pvc_node_memory_bytes{node="pvchv2"}' in figures
    reset(tree)
    assert 'pvc_node_memory_bytes{node="pvchv2"}' not in on_tree("cluster", "status", "-o", "prometheus").out


def test_the_report_has_no_figures_of_a_dead_node(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    put(tree, daemonstate="dead", monitoring_health="97")
    file = tmp_path / "report.html"
    assert on_tree("report", str(file)).code == 0
    page = file.read_text()
    (line,) = re.findall(r"<tr>(?:(?!</tr>).)*<b>pvchv2</b>(?:(?!</tr>).)*coordinator.*?</tr>", page, re.DOTALL)
    assert "97 %" not in page
    assert line.count("<td>?") == 6
    assert "PVC has not fenced it yet" in line


def test_the_health_that_a_dead_node_had_is_not_a_problem_of_today(on_tree: Pvc, tree: Tree) -> None:
    put(tree, daemonstate="dead", monitoring_health="50", memalloc="999999")
    shown = on_tree("cluster", "status").out
    assert "the health of pvchv2" not in shown
    assert "the VMs on pvchv2" not in shown


def test_memory_of_a_dead_node_is_no_room_for_others(on_tree: Pvc, tree: Tree) -> None:
    """Two nodes are left with 128 GiB each; if one more fails, what runs does not fit the other."""
    for node in ("pvchv1", "pvchv2", "pvchv3"):
        tree.put(f"/nodes/{node}/memalloc", b"51200")
    assert "without the largest node" not in on_tree("cluster", "status").out
    put(tree, daemonstate="dead")
    said = " ".join(on_tree("cluster", "status", "-o", "name").out.split())
    assert "the running VMs need 150 GiB, and without the largest node that runs there are 128 GiB" in said


FENCING = [
    ({"daemonstate": "dead"}, "pending", "PVC has not fenced it yet, so that its VMs may still run there"),
    (
        {"daemonstate": "dead", "runningdomains": "0"},
        "failed",
        "PVC could not fence it, so that its VMs may still run",
    ),
    ({"daemonstate": "fenced", "domainstate": "fence-flush"}, "flushing", "PVC fenced it, and is moving its VMs"),
    (
        {"daemonstate": "dead", "domainstate": "fence-flush"},
        "flushing",
        "PVC could not fence it, and is moving its VMs",
    ),
    (
        {"daemonstate": "fenced", "runningdomains": "0"},
        "fenced",
        "PVC fenced it, so that its VMs no longer run there",
    ),
]


@pytest.mark.parametrize(("values", "word", "said"), FENCING)
def test_fencing_is_shown_in_plain_words(
    on_tree: Pvc, tree: Tree, values: dict[str, str], word: str, said: str
) -> None:
    put(tree, **values)
    state = values["daemonstate"]
    lines = on_tree("node", "list", "--columns", "name,daemon,fencing", "--no-headers").out.splitlines()
    assert [line.split() for line in lines] == [["pvchv1", "run"], ["pvchv2", state, word], ["pvchv3", "run"]]
    assert json.loads(on_tree("node", "info", "pvchv2", "-o", "json").out)["fencing"] == word
    assert re.search(rf"^Fencing: +{said}", on_tree("node", "info", "pvchv2").out, re.MULTILINE)
    assert f"the daemon of pvchv2 is in state {state}: {said}" in on_tree("cluster", "status", "-o", "name").out


def test_a_cluster_without_a_dead_node_has_no_column_of_fencing(on_tree: Pvc) -> None:
    assert "FENCING" not in on_tree("node", "list").out
    assert "Fencing" not in on_tree("node", "info", "pvchv1").out


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"daemonstate": "dead"}, "in state dead, and the node is not fenced, so that it may still run there: power"),
        (
            {"daemonstate": "dead", "runningdomains": "0"},
            "in state dead, and the node is not fenced, so that it may still run there: power the node off first",
        ),
        (
            {"daemonstate": "fenced", "domainstate": "fence-flush"},
            "PVC is moving the VMs of its node pvchv2: wait until that is done, see 'pvc node info pvchv2'",
        ),
    ],
)
def test_a_vm_is_not_started_elsewhere_before_its_node_is_fenced_and_pvc_is_done(
    on_tree: Pvc, tree: Tree, values: dict[str, str], why: str
) -> None:
    """PVC resets the figures of a node that it could not fence, too: only the daemon's state says which."""
    uuid = tree.uuid("app-01")
    tree.put(f"/domains/{uuid}/node", b"pvchv2")
    tree.put(f"/domains/{uuid}/state", b"start")
    put(tree, **values)
    before = tree.dump()
    result = on_tree("vm", "migrate", "app-01", "-t", "pvchv3")
    assert (result.code, tree.dump()) == (1, before)
    assert why in result.err


@pytest.mark.parametrize("state", ["dead", "fenced"])
def test_vms_on_a_dead_node_are_marked_for_people(on_tree: Pvc, tree: Tree, state: str) -> None:
    """PVC leaves them in the state ``start`` until it has moved them."""
    before = on_tree("vm", "list", "-s", "start", "-t", "pvchv2", "--columns", "name,node", "--no-headers")
    assert before.out.count("\n") > 1
    assert "!" not in before.out
    put(tree, daemonstate=state)
    marked = on_tree("vm", "list", "-s", "start", "-t", "pvchv2", "--columns", "name,node", "--no-headers")
    assert [line.split()[1:3] for line in marked.out.splitlines()] == [["pvchv2", "!"]] * before.out.count("\n")
    others = on_tree("vm", "list", "-t", "!pvchv2", "--columns", "name,node", "--no-headers")
    stopped = on_tree("vm", "list", "-s", "stop,disable", "--columns", "name,node", "--no-headers")
    assert "!" not in others.out + stopped.out
    name = before.out.split()[0]
    assert "pvchv2, which is dead: the VM may not run" in on_tree("vm", "info", name).out
    assert json.loads(on_tree("vm", "info", name, "-o", "json").out)["state"] == "start"
    assert on_tree("vm", "list", name, "-o", "csv", "--columns", "node").out.split() == ["NODE", "pvchv2"]
