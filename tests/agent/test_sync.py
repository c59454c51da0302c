"""`pvc sriov agent sync`, as it is typed, on simulated cards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pvc_cli.zk import ZKHandler
from tests.agent.conftest import set_vf
from tests.agent.nic import SimulatedKernel
from tests.conftest import Pvc, Tree

CONFIG = "guest_networking: {sriov_enable: yes, sriov_device: [{phy: ens1f0, vfcount: 4}, {phy: ens1f1, vfcount: 4}]}"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedKernel:
    folder = tmp_path / "cards"
    folder.mkdir()
    kernel = SimulatedKernel(folder)
    for phy in ("ens1f0", "ens1f1"):
        kernel.plug_in(phy, "igb")
        kernel.create_vfs(phy, 4)
        kernel.bring_up(phy, None)
    monkeypatch.setattr("pvc_cli.commands.network.sriov.agent.sync.LinuxKernel", lambda: kernel)
    return kernel


@pytest.fixture
def here(tmp_path: Path) -> tuple[str, ...]:
    config = tmp_path / "pvc.conf"
    config.write_text(CONFIG)
    return ("--node", "pvchv1", "--config", str(config))


def test_a_dry_run_shows_both_sides_and_changes_neither(
    on_tree: Pvc, tree: Tree, zk: ZKHandler, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    set_vf(zk, "ens1f0v2", vlan_id=9)
    before = tree.dump()
    result = on_tree("sriov", "agent", "sync", *here, "--dry-run", "-o", "json")
    assert (result.code, result.err) == (0, "would set ens1f0v2: vlan_id 0 -> 9\n")
    changes = json.loads(result.out)["changes"]
    assert {"action": "set", "path": "/nodes/pvchv1/sriov/pf/ens1f0/mtu", "value": "1500"} in changes
    assert tree.dump() == before
    assert kernel.actual("ens1f0", 2).vlan_id == 0


def test_what_is_wanted_is_done_and_what_a_driver_refuses_is_exit_1(
    on_tree: Pvc, zk: ZKHandler, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    set_vf(zk, "ens1f0v2", vlan_id=9)
    result = on_tree("sriov", "agent", "sync", *here)
    assert (result.code, result.out) == (
        0,
        "PF      WANTED  PRESENT  IN SYNC  REFUSED\n"
        "ens1f0  4       4        4        0\n"
        "ens1f1  4       4        4        0\n",
    )
    assert "ens1f0v2: vlan_id 0 -> 9\n" in result.err
    assert result.err.endswith("8 of 8 VFs in sync, 0 settings refused.\n")
    assert kernel.actual("ens1f0", 2).vlan_id == 9
    set_vf(zk, "ens1f0v2", link_state="enable")
    result = on_tree("sriov", "agent", "sync", *here)
    assert result.code == 1
    assert result.err.endswith("7 of 8 VFs in sync, 1 settings refused.\n")
    with kernel.card("ens1f0") as card:
        card["refuse"] = {"vlan": 16}
    set_vf(zk, "ens1f0v2", vlan_id=10)
    result = on_tree("sriov", "agent", "sync", *here)
    assert result.code == 1
    assert result.err.endswith("Warning: some changes failed, and may succeed later: rerun this command\n")


def test_what_each_card_has_is_a_document_and_one_that_lacks_vfs_is_exit_1(
    on_tree: Pvc, tree: Tree, kernel: SimulatedKernel, here: tuple[str, ...]
) -> None:
    kernel.unplug("ens1f1")
    result = on_tree("sriov", "agent", "sync", *here, "-o", "json")
    assert result.code == 1
    assert result.err.endswith("4 of 4 VFs in sync, 0 settings refused.\n")
    unknown = {"drifted": None, "orphaned": None}
    assert json.loads(result.out) == {
        "node": "pvchv1",
        "pfs": [
            {"phy": "ens1f0", "wanted": 4, "present": 4, "in_sync": 4, "refused": 0, **unknown},
            {"phy": "ens1f1", "wanted": 4, "present": 0, "in_sync": 0, "refused": 0, **unknown},
        ],
    }


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
