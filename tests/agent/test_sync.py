"""`pvc sriov agent sync`, as it is typed, on simulated cards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pvc_cli.agent.lease import Lease
from pvc_cli.zk import ZKHandler
from tests.agent.conftest import set_vf
from tests.agent.nic import SimulatedKernel
from tests.conftest import Pvc, Tree
from tests.integration.test_json_errors import error_of

CONFIG = "guest_networking: {sriov_enable: yes, sriov_device: [{phy: ens1f0, vfcount: 4}, {phy: ens1f1, vfcount: 4}]}"


@pytest.fixture
def here(tmp_path: Path) -> tuple[str, ...]:
    config = tmp_path / "pvc.conf"
    config.write_text(CONFIG)
    return ("--node", "pvchv1", "--config", str(config))


def test_a_dry_run_shows_both_sides_and_changes_neither(
    on_tree: Pvc, tree: Tree, zk: ZKHandler, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    set_vf(zk, "ens1f0v2", vlan_id=9)
    with kernel.card("ens1f1") as card:
        card["up"] = False
    kernel.create_vfs("ens1f1", 0)
    before = tree.dump()
    result = on_tree("sriov", "agent", "sync", *here, "--dry-run", "-o", "json")
    assert result.code == 0
    assert result.err.startswith("would set ens1f1: link up\nwould set ens1f1: create 4 VFs\n")
    assert "would set ens1f0v2: vlan_id 0 -> 9\n" in result.err
    document = json.loads(result.out)
    assert {"action": "set", "path": "/nodes/pvchv1/sriov/pf/ens1f0/mtu", "value": "1500"} in document["changes"]
    assert document["cards"][:3] == [
        {"action": "bring_up", "pf": "ens1f1", "old": 0, "new": 1},
        {"action": "create_vfs", "pf": "ens1f1", "old": 0, "new": 4},
        {"action": "set", "vf": "ens1f0v2", "changes": {"vlan_id": {"old": 0, "new": 9}}},
    ]
    # Also what VFs would be set to that do not exist yet.
    later = {"action": "set", "vf": "ens1f1v0", "changes": {"spoof_check": {"old": False, "new": True}}}
    assert later in document["cards"]
    assert tree.dump() == before
    assert kernel.actual("ens1f0", 2).vlan_id == 0
    assert kernel.vfs("ens1f1") == []


def test_what_was_done_is_a_typed_document(
    on_tree: Pvc, zk: ZKHandler, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    set_vf(zk, "ens1f0v2", vlan_id=9)
    set_vf(zk, "ens1f0v3", link_state="enable")
    kernel.unplug("ens1f1")
    result = on_tree("sriov", "agent", "sync", *here, "-o", "json")
    assert result.code == 1
    document = json.loads(result.out)
    items = {item["name"]: item for item in document["items"]}
    assert items["ens1f0v2"] == {
        "name": "ens1f0v2", "status": "changed", "changes": {"vlan_id": {"old": 0, "new": 9}}
    }  # fmt: skip
    assert items["ens1f0v3"]["status"] == "refused"
    assert items["ens1f0v3"]["reason"] == "link_state: Operation not supported (EOPNOTSUPP)"
    assert (items["ens1f1v0"]["status"], items["ens1f1v0"]["reason"]) == ("failed", "missing")
    assert document["counts"] == {"changed": 1, "unchanged": 2, "refused": 1, "failed": 4}
    problem = "ens1f1 is configured, but this node has no such device"
    assert document["pfs"][1] == {
        "name": "ens1f1", "wanted": 4, "present": 0, "in_sync": 0, "refused": 0, "drifted": 0, "orphaned": 0,
        "problems": [problem],
    }  # fmt: skip
    assert on_tree("sriov", "agent", "sync", *here, "-o", "name").out.split()[:2] == ["ens1f0v0", "ens1f0v1"]


@pytest.mark.parametrize("what", ["dead", "mtu", "create", "vfs"])
def test_whatever_is_not_as_configured_is_exit_1_and_named(
    on_tree: Pvc, kernel: SimulatedKernel, here: tuple[str, ...], what: str
) -> None:
    said = {
        "dead": "0 of 8 VFs in sync, 0 settings refused; ens1f0 is configured, but this node has no such device;"
        " ens1f1 is configured, but this node has no such device\n",
        "mtu": "could not set MTU 9000 on ens1f1: Invalid argument (EINVAL)\n",
        "create": "could not create 4 VFs on ens1f1: Read-only file system (EROFS)\n",
        "vfs": "could not read ens1f1: the kernel reported 2 of 4 VFs\n",
    }[what]
    if what == "dead":
        kernel.unplug("ens1f0")
        kernel.unplug("ens1f1")
    else:
        if what == "create":
            kernel.create_vfs("ens1f1", 0)
        if what == "mtu":
            Path(here[3]).write_text(CONFIG.replace("ens1f1, ", "ens1f1, mtu: 9000, "))
        with kernel.card("ens1f1") as card:
            card["refuse"] = {"mtu": 22, "create": 30}
            card["reported"] = 2 if what == "vfs" else None
    result = on_tree("sriov", "agent", "sync", *here)
    assert result.code == 1
    assert said in result.err


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_what_is_not_as_configured_is_an_error_for_programs_too(
    on_tree: Pvc, kernel: SimulatedKernel, here: tuple[str, ...], how: tuple[str, ...]
) -> None:
    kernel.unplug("ens1f1")
    result = on_tree("sriov", "agent", "sync", *here, *how, "-o", "json")
    error = error_of(result)
    assert (error["code"], error["kind"]) == (1, "refused")
    assert str(error["message"]).endswith("ens1f1 is configured, but this node has no such device")


def test_a_change_that_may_succeed_later_is_an_error_for_programs_too(
    on_tree: Pvc, zk: ZKHandler, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    assert on_tree("sriov", "agent", "sync", *here).code == 0
    with kernel.card("ens1f0") as card:
        card["refuse"] = {"vlan": 16}
    set_vf(zk, "ens1f0v2", vlan_id=10)
    error = error_of(on_tree("sriov", "agent", "sync", *here, "-o", "json"))
    assert (error["code"], error["hint"]) == (1, "rerun this command")


@pytest.mark.parametrize("what", ["dead", "fewer", "invalid"])
def test_a_dry_run_names_the_same_problems_with_the_same_exit_code(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, here: tuple[str, ...], what: str
) -> None:
    if what == "dead":
        kernel.unplug("ens1f1")
    elif what == "fewer":
        Path(here[3]).write_text(CONFIG.replace("ens1f1, vfcount: 4", "ens1f1, vfcount: 6"))
    else:
        tree.put("/nodes/pvchv1/sriov/vf/ens1f1v0/config/trust", b"perhaps")
    before = tree.dump()
    dry = on_tree("sriov", "agent", "sync", *here, "--dry-run")
    document = json.loads(on_tree("sriov", "agent", "sync", *here, "--dry-run", "-o", "json").out)
    assert tree.dump() == before
    real = on_tree("sriov", "agent", "sync", *here)
    said = [line for line in real.err.splitlines() if line.startswith("Warning: ") or " is missing: " in line]
    assert said
    assert [line for line in dry.err.splitlines() if line in said] == said
    assert (dry.code, real.code) == (1, 1)
    assert [f"Warning: {problem}" for problem in document["problems"]] == (said[:1] if what != "invalid" else [])


def test_a_misspelt_key_is_named_and_gives_up_no_pf(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    path = Path(here[3])
    path.write_text(CONFIG.replace("sriov_device", "sriov_devices"))
    unknown = f"{path}: unknown key guest_networking.sriov_devices is ignored: did you mean 'sriov_device'?"
    empty = f"SR-IOV is enabled, but {path} has no device in guest_networking.sriov_device: add one, or set"
    used = "ens1f0v0 is orphaned, but used by running VM nfv-01: configure its PF again, or stop the VM"
    before = tree.dump("/nodes/pvchv1/sriov")
    for more in (("--dry-run",), ()):
        result = on_tree("sriov", "agent", "sync", *here, *more)
        assert result.code == 1
        assert f"Warning: {unknown}; {empty}" in result.err
        assert f"Warning: {used}\n" in result.err
    assert f"0 of 0 VFs in sync, 0 settings refused, 8 orphaned; {unknown}; {empty}" in result.err
    assert tree.dump("/nodes/pvchv1/sriov") == before
    assert tree.client.get("/nodes/pvchv1/sriov/pf/ens1f0/vfcount")[0] == b"4"
    for more in (("--dry-run",), ()):
        result = on_tree("sriov", "agent", "sync", *here, "--prune", *more)
        assert (result.code, result.out) == (1, "")
        assert result.err == f"Error: cannot prune: {unknown} Correct it first\n"
    assert tree.dump("/nodes/pvchv1/sriov") == before
    document = json.loads(on_tree("sriov", "agent", "sync", *here, "-o", "json").out)
    assert document["problems"][0] == unknown
    assert document["pfs"][0]["problems"] == [used]
    # Where the switch itself is misspelt, nothing is done, which is exit 1.
    path.write_text(CONFIG.replace("sriov_enable", "sriov_enabled"))
    result = on_tree("sriov", "agent", "sync", *here)
    assert result.code == 1
    assert "unknown key guest_networking.sriov_enabled is ignored: did you mean 'sriov_enable'?" in result.err


def test_beside_a_running_agent_it_is_refused(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    with ZKHandler(tree.hosts, lock_holder="pvc, root@pvchv1, process 4711") as other:
        lock = Lease("pvchv1").hold(other)
        before = tree.dump()
        result = on_tree("sriov", "agent", "sync", *here)
        assert (result.code, result.out) == (5, "")
        assert result.err == (
            "Error: another agent manages node pvchv1: pvc, root@pvchv1, process 4711; stop that one first, there can"
            " be only one\n"
        )
        assert tree.dump() == before
        assert on_tree("sriov", "agent", "sync", *here, "--dry-run").code == 0
        lock.release()
    assert on_tree("sriov", "agent", "sync", *here).code == 0


def test_what_is_orphaned_is_pruned_on_demand_only(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    Path(here[3]).write_text("guest_networking: {sriov_enable: yes, sriov_device: []}")
    result = on_tree("sriov", "agent", "sync", *here)
    assert result.code == 1
    assert result.err.splitlines()[-1].startswith("Error: 0 of 0 VFs in sync, 0 settings refused, 8 orphaned; ")
    assert len(tree.client.get_children("/nodes/pvchv1/sriov/vf")) == 8
    shown = on_tree("sriov", "agent", "sync", *here, "--prune", "--dry-run", "-o", "json")
    assert {change["action"] for change in json.loads(shown.out)["changes"]} == {"delete"}
    assert on_tree("sriov", "agent", "sync", *here, "--prune").code == 1
    assert tree.client.get_children("/nodes/pvchv1/sriov/vf") == []


def test_what_is_wanted_is_done_and_what_a_driver_refuses_is_exit_1(
    on_tree: Pvc, zk: ZKHandler, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    set_vf(zk, "ens1f0v2", vlan_id=9)
    result = on_tree("sriov", "agent", "sync", *here)
    assert (result.code, result.out) == (
        0,
        "PF      WANTED  PRESENT  IN SYNC  REFUSED  DRIFTED  ORPHANED\n"
        "ens1f0       4        4        4        0        0         0\n"
        "ens1f1       4        4        4        0        0         0\n",
    )
    assert "ens1f0v2: vlan_id 0 -> 9\n" in result.err
    assert result.err.endswith("8 of 8 VFs in sync, 0 settings refused.\n")
    assert kernel.actual("ens1f0", 2).vlan_id == 9
    set_vf(zk, "ens1f0v2", link_state="enable")
    result = on_tree("sriov", "agent", "sync", *here)
    assert result.code == 1
    assert result.err.endswith("Error: 7 of 8 VFs in sync, 1 settings refused\n")
    with kernel.card("ens1f0") as card:
        card["refuse"] = {"vlan": 16}
    set_vf(zk, "ens1f0v2", vlan_id=10)
    result = on_tree("sriov", "agent", "sync", *here)
    assert result.code == 1
    assert result.err.endswith("; some changes failed, and may succeed later: rerun this command\n")


def test_the_cluster_may_be_that_of_the_configuration(
    pvc: Pvc, tree: Tree, kernel: SimulatedKernel, tmp_path: Path
) -> None:
    address, _, chroot = tree.hosts.partition("/")
    port = address.rpartition(":")[2]
    config = tmp_path / "pvc.conf"
    config.write_text(
        f"cluster: {{coordinator_nodes: [127.0.0.1]}}\ndatabase: {{zookeeper: {{port: {port}}}}}\n{CONFIG}\n"
    )
    result = pvc("sriov", "agent", "sync", "--node", "pvchv1", "--config", str(config))
    # The server's own root holds no cluster: only the tests' do.
    assert (result.code, chroot != "") == (1, True)
    assert "SR-IOV needs schema version 1, and this cluster has 0" in result.err
