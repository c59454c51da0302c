"""VMs move as PVC moves them: to the node it would choose, with their VFs, and not where they must not go."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from pvc_cli.cluster.controls import control
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.moving import Move
from pvc_cli.cluster.vms.query import select
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, changes_between, round_trips

LAB = "lab-01"
"""It runs on pvchv2, and has neither a node limit nor a selector."""


@pytest.fixture
def vm(tree: Tree) -> str:
    """The path of LAB."""
    return f"/domains/{tree.uuid(LAB)}"


def on(tree: Tree, path: str, **values: str) -> None:
    for name, value in values.items():
        tree.put(f"{path}/{name}", value.encode())


def test_a_move_writes_what_pvc_writes(on_tree: Pvc, tree: Tree, vm: str) -> None:
    before = tree.dump()
    dry = on_tree("vm", "move", LAB, "-t", "pvchv3", "--dry-run")
    assert dry.out == f"would change {LAB}: node pvchv2 -> pvchv3; state start -> migrate\n"
    assert tree.dump() == before
    result = on_tree("vm", "move", LAB, "-t", "pvchv3")
    assert (result.code, result.err) == (0, f"{LAB}: migration to pvchv3 requested.\n")
    assert changes_between(before, tree.dump()) == {f"{vm}/state": b"migrate", f"{vm}/node": b"pvchv3"}


def test_a_migrated_vm_remembers_where_it_was_and_goes_back(on_tree: Pvc, tree: Tree, vm: str) -> None:
    before = tree.dump()
    assert on_tree("vm", "migrate", LAB, "-t", "pvchv3", "--force-live").code == 0
    assert changes_between(before, tree.dump()) == {
        f"{vm}/state": b"migrate-live",
        f"{vm}/node": b"pvchv3",
        f"{vm}/lastnode": b"pvchv2",
    }
    on(tree, vm, state="start")
    refused = on_tree("vm", "migrate", LAB, "-t", "pvchv1")
    why = "it was migrated already, from node pvchv2: unmigrate it; override with --force"
    assert (refused.code, refused.err) == (1, f"Error: {LAB}: refused: {why}\n")
    assert on_tree("vm", "migrate", LAB, "-t", "pvchv1", "--force").code == 0
    assert tree.client.get(f"{vm}/lastnode")[0] == b"pvchv2"
    on(tree, vm, state="start")
    assert on_tree("vm", "unmigrate", LAB).err == f"{LAB}: migration to pvchv2 requested.\n"
    assert changes_between(before, tree.dump()) == {f"{vm}/state": b"migrate"}
    on(tree, vm, state="start")
    again = on_tree("vm", "unmigrate", LAB)
    assert (again.code, again.err) == (0, f"{LAB}: unchanged: has not been migrated.\n")


def test_a_stopped_vm_moves_without_a_migration(on_tree: Pvc, tree: Tree, vm: str) -> None:
    on(tree, vm, state="disable")
    tree.put("/nodes/pvchv3/memfree", b"1")
    before = tree.dump()
    assert on_tree("vm", "migrate", LAB, "-t", "pvchv3").err == f"{LAB}: moved to pvchv3.\n"
    assert changes_between(before, tree.dump()) == {f"{vm}/node": b"pvchv3", f"{vm}/lastnode": b"pvchv2"}


def test_a_migrated_vm_can_stay_for_good(on_tree: Pvc, tree: Tree, vm: str) -> None:
    assert on_tree("vm", "move", LAB, "-t", "pvchv2").err == f"{LAB}: unchanged: is on node pvchv2.\n"
    on(tree, vm, lastnode="pvchv1")
    before = tree.dump()
    assert on_tree("vm", "move", LAB, "-t", "pvchv2").err == f"{LAB}: on node pvchv2 for good.\n"
    assert changes_between(before, tree.dump()) == {f"{vm}/lastnode": b""}


@pytest.mark.parametrize(
    ("selector", "default", "figures", "chosen"),
    [
        ("none", "mem", {"memfree": ("9000", "8000")}, "pvchv1"),
        ("mem", "load", {"memfree": ("8000", "9000")}, "pvchv3"),
        ("None", "mem", {"memfree": ("9000", "9000")}, "pvchv1"),
        (
            "memprov",
            "mem",
            {"memfree": ("9000", "9000"), "memused": ("1000", "2000"), "memprov": ("100", "100")},
            "pvchv3",
        ),
        (
            "memprov",
            "mem",
            {"memused": ("1000", "1000"), "memfree": ("9000", "9000"), "memprov": ("1", "2")},
            "pvchv1",
        ),
        ("load", "mem", {"cpuload": ("2.5", "1.5")}, "pvchv3"),
        ("vcpus", "mem", {"vcpualloc": ("10", "9")}, "pvchv3"),
        ("vms", "mem", {"domainscount": ("3", "4")}, "pvchv1"),
    ],
)
def test_the_target_is_the_one_that_pvc_would_choose(
    on_tree: Pvc, tree: Tree, vm: str, selector: str, default: str, figures: dict[str, tuple[str, str]], chosen: str
) -> None:
    on(tree, vm, node_selector=selector)
    tree.put("/config/migration_target_selector", default.encode())
    for name, values in figures.items():
        for node, value in zip(("pvchv1", "pvchv3"), values, strict=True):
            on(tree, f"/nodes/{node}", **{name: value})
    assert on_tree("vm", "migrate", LAB).err == f"{LAB}: migration to {chosen} requested.\n"


def test_a_node_that_is_not_allowed_or_not_ready_is_not_chosen(on_tree: Pvc, tree: Tree, vm: str) -> None:
    on(tree, vm, node_selector="load", node_limit="pvchv2,pvchv3")
    assert "node pvchv2 -> pvchv3; state start -> migrate" in on_tree("vm", "move", LAB, "--dry-run").out
    refused = on_tree("vm", "move", LAB, "-t", "pvchv1", "--force")
    assert refused.code == 1
    assert (
        "refused: its node limit allows only pvchv2, pvchv3: change it with 'pvc vm meta set --limit'" in refused.err
    )
    tree.put("/nodes/pvchv3/domainstate", b"flushed")
    nowhere = on_tree("vm", "move", LAB)
    assert (nowhere.code, nowhere.err) == (
        1,
        f"Error: {LAB}: refused: no other node is allowed, runs, and is ready\n",
    )
    not_ready = on_tree("vm", "move", LAB, "-t", "pvchv3")
    assert "refused: node pvchv3 is in state flushed, not ready; override with --force" in not_ready.err
    assert on_tree("vm", "move", LAB, "-t", "pvchv3", "--force").code == 0


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (
            {"{vm}/xml": "<broken"},
            "its XML is broken, so that its memory and its VFs are unknown: repair it",
        ),
        (
            {"/nodes/pvchv2/daemonstate": "dead"},
            "the daemon of its node pvchv2 is in state dead, and the node is not fenced, so that it may still run"
            " there: power the node off first; override with --force",
        ),
        ({"/nodes/pvchv3/daemonstate": "stop"}, "the daemon of node pvchv3 is in state stop; override with --force"),
        (
            {"/nodes/pvchv3/memfree": "1023"},
            "it needs 1 GiB of memory, and node pvchv3 has 0.999 GiB free; override with --force",
        ),
    ],
)
def test_a_move_that_would_fail_is_refused(
    on_tree: Pvc, tree: Tree, vm: str, prepare: dict[str, str], why: str
) -> None:
    for path, value in prepare.items():
        tree.put(path.format(vm=vm), value.encode())
    before = tree.dump()
    result = on_tree("vm", "migrate", LAB, "-t", "pvchv3")
    assert (result.code, tree.dump()) == (1, before)
    assert f"Error: {LAB}: refused: {why}" in result.err
    assert on_tree("vm", "migrate", LAB, "-t", "pvchv3", "--force").code == 0


def test_an_unknown_node_or_selector_is_refused(on_tree: Pvc, tree: Tree, vm: str) -> None:
    missing = on_tree("vm", "move", LAB, "-t", "pvchv9")
    assert (missing.code, missing.err.startswith("Error: there is no node 'pvchv9': ")) == (1, True)
    on(tree, vm, node_selector="fastest", lastnode="gone")
    assert "the node selector 'fastest' is unknown" in on_tree("vm", "move", LAB).err
    assert "node gone no longer exists: move it elsewhere" in on_tree("vm", "unmigrate", LAB).err


def test_vms_that_move_together_are_spread_as_if_they_moved_one_by_one(on_tree: Pvc, tree: Tree) -> None:
    for node, free in (("pvchv1", "9000"), ("pvchv3", "8000")):
        tree.put(f"/nodes/{node}/memfree", free.encode())
    for name in ("web-02", "lab-01", "dns-02", "nfv-02"):
        on(tree, f"/domains/{tree.uuid(name)}", state="start", node="pvchv2", lastnode="", node_limit="")
    result = on_tree("vm", "migrate", "web-02,nfv-02,lab-01,dns-02", "-o", "json")
    assert result.code == 0, result.err
    targets = {
        item["name"]: next(change["value"] for change in item["changes"] if change["path"].endswith("/node"))
        for item in json.loads(result.out)["items"]
    }
    # 2 GiB to the first, 4 GiB to the second, 1 GiB each to the one that then has more.
    assert targets == {"web-02": "pvchv1", "nfv-02": "pvchv3", "lab-01": "pvchv1", "dns-02": "pvchv1"}


def test_only_as_many_move_as_the_target_has_room_for(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv3/memfree", b"3000")
    for name in ("web-01", "web-02"):
        on(tree, f"/domains/{tree.uuid(name)}", state="start", node="pvchv2", lastnode="")
    result = on_tree("vm", "migrate", "web-01,web-02", "-t", "pvchv3")
    assert result.code == 1
    assert "web-01: migration to pvchv3 requested." in result.err
    assert "pvchv3 has 2.93 GiB free, of which VMs before it take 2 GiB" in result.err


def test_vfs_move_along(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("nfv-01")
    source, target = (f"/nodes/{node}/sriov/vf/ens1f0v0" for node in ("pvchv1", "pvchv2"))
    mac = tree.client.get(f"{source}/mac")[0]
    before = tree.dump()
    assert on_tree("vm", "migrate", "nfv-01", "-t", "pvchv2").code == 0
    assert changes_between(before, tree.dump()) == {
        f"/domains/{uuid}/state": b"migrate",
        f"/domains/{uuid}/node": b"pvchv2",
        f"/domains/{uuid}/lastnode": b"pvchv1",
        f"{source}/used": b"False",
        f"{source}/used_by": b"",
        f"{source}/mac": before[f"{source}/phy_mac"],
        f"{target}/used": b"True",
        f"{target}/used_by": uuid.encode(),
        f"{target}/mac": mac,
    }


def test_a_vm_stays_where_its_vf_is_missing_or_taken(on_tree: Pvc, tree: Tree) -> None:
    vf = "/nodes/pvchv2/sriov/vf/ens1f0v0"
    tree.put(f"{vf}/used", b"True")
    tree.put(f"{vf}/used_by", tree.uuid("web-01").encode())
    before = tree.dump()
    taken = on_tree("vm", "migrate", "nfv-01", "-t", "pvchv2", "--force")
    assert (taken.code, tree.dump()) == (1, before)
    assert "VF ens1f0v0 of node pvchv2 is in use: see 'pvc sriov vf info pvchv2 ens1f0v0'" in taken.err
    tree.client.delete(vf, recursive=True)
    missing = on_tree("vm", "migrate", "nfv-01", "-t", "pvchv2")
    assert "node pvchv2 has no VF ens1f0v0, which its XML uses" in missing.err
    live = on_tree("vm", "migrate", "nfv-01", "-t", "pvchv3", "--force-live")
    assert "it has a device passed through, and cannot migrate live: omit --force-live" in live.err


def test_a_vf_that_a_vm_uses_without_a_claim_is_not_handed_to_another(on_tree: Pvc, tree: Tree) -> None:
    other = f"/domains/{tree.uuid('web-02')}"
    xml = tree.client.get(f"/domains/{tree.uuid('nfv-01')}/xml")[0]
    tree.put(f"{other}/xml", xml)
    result = on_tree("vm", "migrate", "nfv-01", "-t", "pvchv2")
    assert result.code == 1
    assert "is in use by VM web-02" in result.err
    assert on_tree("vm", "migrate", "nfv-01", "-t", "pvchv2", "--force").code == 0


def test_wait_follows_a_migration(on_tree: Pvc, tree: Tree, vm: str) -> None:
    late = on_tree("vm", "migrate", LAB, "-t", "pvchv3", "--wait", "--wait-timeout", "0.2")
    assert (late.code, late.err.splitlines()[-1]) == (
        1,
        f"Error: {LAB}: failed: requested, but not done within 0.2 s: it is in state migrate",
    )
    move = Move("migrate", "pvchv1", force=True)
    with ZKHandler(tree.hosts) as handler:
        (ref,) = select(handler, Filters(pattern="^lab-01$"))
        on(tree, vm, state="start", node="pvchv2")
        move.plan(handler, [ref])
        on(tree, vm, node="pvchv1")
        assert move.goal(handler, [ref]) == ["node pvchv1 does not run it yet"]
        on(tree, "/nodes/pvchv1", runningdomains=ref.uuid)
        assert move.goal(handler, [ref]) == ["node pvchv1 does not run it yet"]
        on(tree, "/nodes/pvchv1", keepalive="1800000000")
        assert move.goal(handler, [ref]) == [""]
        on(tree, vm, node="pvchv2")
        (aborted,) = move.goal(handler, [ref])
        assert str(aborted) == "the migration was aborted: it is on node pvchv2; see 'pvc node log pvchv2'"


def test_a_thousand_vms_are_planned_in_few_batches(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=1000)
    with ZKHandler(tree.hosts) as handler:
        vms = select(handler, Filters(nodes=("pvchv1",), states=("start",)))
        before = round_trips(handler)
        outcome = control(handler, vms, Move("migrate", force=True).plan, dry_run=True)
        assert len(outcome.controls) > 250
        assert round_trips(handler) - before <= 24


def test_clusters_of_every_version_move_vms(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(version=0)
    assert pvc("--coordinators", tree.hosts, "vm", "migrate", LAB).code == 0


def test_a_vm_that_is_busy_does_not_move_at_all(on_tree: Pvc, tree: Tree, vm: str) -> None:
    for state in ("shutdown", "restart", "migrate", "provision"):
        on(tree, vm, state=state)
        before = tree.dump()
        result = on_tree("vm", "move", LAB, "-t", "pvchv3", "--force")
        assert (result.code, tree.dump()) == (1, before)
        assert f"refused: it is in state {state}: wait until that is done, or stop it" in result.err


def test_vms_of_a_fenced_node_start_elsewhere(on_tree: Pvc, tree: Tree, vm: str) -> None:
    on(tree, "/nodes/pvchv2", daemonstate="fenced", runningdomains="0")
    before = tree.dump()
    unchanged = on_tree("vm", "start", LAB)
    assert unchanged.code == 1
    assert "the daemon of its node pvchv2 is in state fenced, so that nothing starts it: move it" in unchanged.err
    result = on_tree("vm", "migrate", LAB, "-t", "pvchv3")
    assert (result.code, result.err) == (0, f"{LAB}: moved to pvchv3, which starts it.\n")
    assert changes_between(before, tree.dump()) == {f"{vm}/node": b"pvchv3", f"{vm}/lastnode": b"pvchv2"}


def test_a_vm_with_two_vfs_moves_with_both(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("nfv-01")
    path = f"/domains/{uuid}"
    xml = tree.client.get(f"{path}/xml")[0].decode()
    second = "<interface type='hostdev'><sriov_device>ens1f1v2</sriov_device></interface>"
    on(tree, path, xml=xml.replace("</devices>", f"{second}</devices>"), migration_method="none")
    before = tree.dump()
    assert on_tree("vm", "move", "nfv-01", "-t", "pvchv2").code == 0
    changed = changes_between(before, tree.dump())
    assert changed[f"{path}/migration_method"] == b"shutdown"
    for vf in ("ens1f0v0", "ens1f1v2"):
        assert changed[f"/nodes/pvchv2/sriov/vf/{vf}/used_by"] == uuid.encode()


def test_the_vf_of_a_vm_that_moves_for_good_is_not_given_to_another_meanwhile(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("vm", "move", "nfv-01", "-t", "pvchv2").code == 0
    assert "pvchv1/ens1f0v0" not in on_tree("sriov", "vf", "list", "pvchv1", "--unused", "-o", "name").out.split()
    refused = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v0", "web-01")
    assert refused.code == 1
    assert "is in use by VM nfv-01" in refused.err


def test_two_vms_do_not_get_the_same_vf(on_tree: Pvc, tree: Tree) -> None:
    xml = tree.client.get(f"/domains/{tree.uuid('nfv-01')}/xml")[0]
    tree.put(f"/domains/{tree.uuid(LAB)}/xml", xml)
    for option in ("--dry-run", "--force"):
        result = on_tree("vm", "move", f"nfv-01,{LAB}", "-t", "pvchv3", option)
        assert result.code == 1
        assert f"{LAB}: refused: VF ens1f0v0 of node pvchv3 goes to VM nfv-01, which moves there, too" in result.err


def test_room_is_taken_by_those_that_go_only(on_tree: Pvc, tree: Tree) -> None:
    on(tree, "/nodes/pvchv3", memfree="2500")
    stays, goes = f"/domains/{tree.uuid('mail-01')}", f"/domains/{tree.uuid(LAB)}"
    on(tree, stays, state="start", node="pvchv3", lastnode="pvchv1")
    tree.put("/nodes/pvchv3/sriov/vf/ens1f0v0/used", b"True")
    on(tree, goes, xml=tree.client.get(f"/domains/{tree.uuid('web-01')}/xml")[0].decode())
    result = on_tree("vm", "move", f"nfv-01,mail-01,{LAB}", "-t", "pvchv3")
    assert "nfv-01: refused: it needs 4 GiB" in result.err
    assert "mail-01: on node pvchv3 for good." in result.err
    assert f"{LAB}: migration to pvchv3 requested." in result.err
    on(tree, "/nodes/pvchv3", memfree="5000")
    on(tree, goes, state="start", node="pvchv2")
    result = on_tree("vm", "move", f"nfv-01,{LAB}", "-t", "pvchv3")
    assert "nfv-01: refused: VF ens1f0v0 of node pvchv3 is in use" in result.err
    assert f"{LAB}: migration to pvchv3 requested." in result.err


def test_a_vm_that_is_back_home_is_migrated_no_longer(on_tree: Pvc, tree: Tree, vm: str) -> None:
    on(tree, vm, lastnode="pvchv2")
    assert on_tree("vm", "unmigrate", LAB).err == f"{LAB}: on node pvchv2 for good.\n"
    on(tree, vm, lastnode="pvchv3")
    back = on_tree("vm", "migrate", LAB, "-t", "pvchv3", "--force")
    assert "it was migrated from node pvchv3: move it back with 'pvc vm unmigrate'" in back.err


def test_a_filter_is_asked_again_under_the_lock(on_tree: Pvc, tree: Tree, vm: str) -> None:
    lock = tree.client.Lock(f"{vm}/state", "rival")
    lock.acquire()

    def rival() -> None:
        time.sleep(0.6)
        on(tree, vm, node="pvchv1")
        lock.release()

    thread = threading.Thread(target=rival)
    thread.start()
    result = on_tree("vm", "migrate", "--from", "pvchv2", "-g", "staging", "-t", "pvchv3")
    thread.join()
    assert result.code == 1
    assert f"{LAB}: refused: the filters no longer match it" in result.err
    assert tree.client.get(f"{vm}/node")[0] == b"pvchv1"


def test_a_vm_of_a_cluster_without_sriov_moves_with_its_devices_unseen(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(version=0)
    assert pvc("--coordinators", tree.hosts, "vm", "move", "nfv-01", "-t", "pvchv2", "--dry-run").code == 0
