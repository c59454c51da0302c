"""What befalls an agent in a data centre: a process of its own, a real ZooKeeper, cards that act as real ones do."""

from __future__ import annotations

import errno
import json
import os
import signal
import statistics
import time
from pathlib import Path

import pytest
from kazoo.exceptions import NoNodeError

from pvc_cli.cluster.sriov.report import Report, lock_holder, read_reports
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler
from tests.agent.conftest import set_vf
from tests.agent.running import CONFIG, Running, apply, vfs_of
from tests.conftest import Pvc, Tree
from tests.waiting import wait_until

SRIOV = "/nodes/pvchv1/sriov"
PLUGIN = "/nodes/pvchv1/monitoring_data/sriov"
CHANGES = int(os.environ.get("PVC_AGENT_CHANGES", "600"))
"""How many changes the test of the agent's memory makes; 20,000 to be certain."""


def by_hand(running: Running, phy: str, index: int, vlan: int) -> float:
    """Change a VF as somebody with `ip` does; return how long it took, in seconds, until it was put right."""
    wanted = running.kernel.actual(phy, index).vlan_id
    started = time.monotonic()
    running.kernel.set_vf(phy, index, {"vlan_id": vlan})
    wait_until(lambda: running.kernel.actual(phy, index).vlan_id == wanted, 40, running.log.read_text)
    return time.monotonic() - started


def report(handler: ZKHandler) -> Report:
    found = read_reports(handler, ["pvchv1"])["pvchv1"]
    assert found
    return found


# Blindness


def test_what_the_kernel_tells_of_is_put_right_in_less_than_a_second(running: Running, tree: Tree) -> None:
    running.start(tree.hosts)
    running.settled()
    times = sorted(by_hand(running, "ens1f0", number % 4, 900 + number) for number in range(20))
    print(f"put right in {', '.join(f'{one * 1000:.0f}' for one in times)} ms")
    assert statistics.median(times) < 1
    running.says("(drift: changed by another program)", 20)


def test_what_it_does_not_tell_of_is_put_right_at_the_next_look(running: Running, tree: Tree) -> None:
    running.kernel.unplug("ens1f1")
    running.kernel.plug_in("ens1f1", "mute")
    running.start(tree.hosts, "--resync", "1")
    running.settled()
    assert by_hand(running, "ens1f1", 2, 77) < 5


def test_a_card_that_comes_late_is_set_up_when_it_comes(running: Running, tree: Tree) -> None:
    running.kernel.unplug("ens1f1")
    running.start(tree.hosts)
    running.told("4 of 8 VFs in sync")
    running.kernel.plug_in("ens1f1")
    running.told("8 of 8 VFs in sync")


def test_addresses_that_come_late_are_filled_in_when_they_come(running: Running, tree: Tree) -> None:
    tree.client.delete(f"{SRIOV}/vf/ens1f1v2", recursive=True)
    with running.kernel.card("ens1f1") as card:
        card["late"] = True
    running.start(tree.hosts)
    running.settled()
    assert tree.client.get(f"{SRIOV}/vf/ens1f1v2/mac")[0] == b"00:00:00:00:00:00"
    with running.kernel.card("ens1f1") as card:
        card["vfs"][2]["mac"] = "02:00:00:00:00:07"
    # Its network device appears, and the kernel tells of that.
    running.kernel.bring_up("ens1f1")
    wait_until(lambda: tree.client.get(f"{SRIOV}/vf/ens1f1v2/mac")[0] == b"02:00:00:00:00:07")


def test_vfs_that_could_not_be_created_are_tried_again(running: Running, tree: Tree) -> None:
    with running.kernel.card("ens1f1") as card:
        card["refuse"] = {"create": errno.ENOMEM}
    running.start(tree.hosts)
    running.told("4 of 8 VFs in sync, 0 settings refused; could not create 4 VFs on ens1f1: Cannot allocate memory")
    with running.kernel.card("ens1f1") as card:
        card["refuse"] = {}
    running.told("8 of 8 VFs in sync")
    assert running.log.read_text().count("could not create 4 VFs") == 1


# The watchdog


def test_while_a_driver_takes_its_time_it_is_alive_and_sets_other_cards(
    running: Running, tree: Tree, zk: ZKHandler
) -> None:
    with running.kernel.card("ens1f1") as card:
        card["slow"] = 4.0
    running.start(tree.hosts, WATCHDOG_USEC="900000")
    running.told("still creating 4 VFs")
    started = time.monotonic()
    (vf,) = [vf for vf in vfs_of(zk) if vf.phy == "ens1f0v1"]
    apply(zk, running, vf, vlan_id=5)
    beats = 0
    while "8 of 8" not in (message := running.told("1\n" if beats < 0 else "")):
        beats += message == "WATCHDOG=1"
    took = time.monotonic() - started
    print(f"{beats} signs of life in {took:.1f} s")
    # Three for each interval; half of them would be too few.
    assert beats >= took / 0.9 * 2


# Two agents


def test_a_second_agent_waits_until_the_first_has_ended(tmp_path: Path, running: Running, tree: Tree) -> None:
    running.start(tree.hosts)
    running.settled()
    (tmp_path / "second").mkdir()
    second = Running(tmp_path / "second")
    try:
        second.config.write_text(CONFIG.replace("vfcount: 4", "vfcount: 2"))
        second.start(tree.hosts)
        second.told("STATUS=Waiting: another agent manages node pvchv1: pvc, ")
        assert f"process {running.process.pid if running.process else 0}" in second.log.read_text()
        assert second.kernel.vfs("ens1f0") == []
        zxid = tree.client.get(f"{SRIOV}/pf/ens1f0/vfcount")[1].mzxid
        assert running.end() == 0
        second.told("4 of 4 VFs in sync")
        assert tree.client.get(f"{SRIOV}/pf/ens1f0/vfcount")[1].mzxid != zxid
    finally:
        second.close()


def test_its_lock_names_it_and_is_in_nobodys_way(running: Running, tree: Tree, zk: ZKHandler, on_tree: Pvc) -> None:
    running.start(tree.hosts)
    assert lock_holder(zk, "pvchv1") == ""
    running.settled()
    assert running.process
    assert lock_holder(zk, "pvchv1").endswith(f", process {running.process.pid}")
    assert lock_holder(zk, "nosuch") == ""
    assert on_tree("schema", "validate").code == 0
    assert "__lock__" not in on_tree("cluster", "backup", "-").out
    assert on_tree("node", "info", "pvchv1").code == 0


def test_disabled_it_lets_go_of_the_node_and_says_so(running: Running, tree: Tree, zk: ZKHandler) -> None:
    running.start(tree.hosts)
    running.settled()
    running.configure(CONFIG.replace("cluster:", "subsystem: {enable_networking: no}\ncluster:"))
    running.signal(signal.SIGHUP)
    running.told(f"STATUS=SR-IOV is disabled: {running.config} has enable_networking: no")
    wait_until(lambda: lock_holder(zk, "pvchv1") == "")
    assert (report(zk).healthy, report(zk).vfs) == (True, {})
    assert len(tree.client.get_children(f"{SRIOV}/vf")) == 8


def test_a_node_can_be_deleted_under_a_running_agent_and_stays_so(running: Running, tree: Tree) -> None:
    running.start(tree.hosts)
    running.settled()
    tree.client.delete("/nodes/pvchv1", recursive=True)
    running.told("STATUS=Waiting for node pvchv1 to be registered")
    time.sleep(4)  # longer than it waits with what was deleted
    with pytest.raises(NoNodeError):
        tree.client.get("/nodes/pvchv1")


def test_its_memory_stays_flat(running: Running, tree: Tree, zk: ZKHandler) -> None:
    running.start(tree.hosts)
    running.settled()
    vfs = vfs_of(zk)

    def resident() -> float:
        assert running.process
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def change(count: int) -> None:
        for number in range(count):
            set_vf(zk, vfs[number % 8].phy, vlan_id=number % 4000 + 1)
        set_vf(zk, vfs[0].phy, vlan_id=4094)
        wait_until(lambda: running.kernel.actual("ens1f0", 0).vlan_id == 4094, why=running.log.read_text)

    change(max(CHANGES // 4, 300))
    before = resident()
    change(CHANGES)
    after = resident()
    print(f"{CHANGES} changes: from {before:.2f} to {after:.2f} MiB")
    assert after - before < 1


# Without the cluster


def test_it_holds_what_was_wanted_while_the_cluster_is_away(own: Ensemble, running: Running) -> None:
    (server,) = own.servers
    running.start(own.hosts)
    running.settled()
    with ZKHandler(own.hosts) as handler:
        apply(handler, running, vfs_of(handler)[0], vlan_id=42)
    server.stop()
    running.says("Lost the connection")
    assert by_hand(running, "ens1f0", 0, 999) < 5
    running.told("STATUS=Waiting for ZooKeeper, holding the last settings: 8 of 8 VFs in sync")
    server.start()
    running.told("READY=1\nSTATUS=8 of 8 VFs in sync")


def test_it_applies_at_boot_what_was_wanted_before_the_cluster_is_there(
    own: Ensemble, running: Running, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (server,) = own.servers
    running.start(own.hosts, STATE_DIRECTORY=str(state))
    running.settled()
    with ZKHandler(own.hosts) as handler:
        apply(handler, running, vfs_of(handler)[0], vlan_id=42, tx_rate_max=700)
    assert running.end() == 0
    saved = state / "wanted.json"
    assert saved.stat().st_mode & 0o777 == 0o600
    assert json.loads(saved.read_text())["vfs"]["ens1f0v0"]["vlan_id"] == 42
    server.stop()
    # The node boots: its cards have no VFs.
    for phy in ("ens1f0", "ens1f1"):
        running.kernel.unplug(phy)
        running.kernel.plug_in(phy)
    running.start(own.hosts, STATE_DIRECTORY=str(state))
    running.told("holding the last settings: 8 of 8 VFs in sync")
    actual = running.kernel.actual("ens1f0", 0)
    assert (actual.vlan_id, actual.tx_rate_max) == (42, 700)
    server.start()
    running.told("READY=1\nSTATUS=8 of 8 VFs in sync")


@pytest.mark.parametrize("text", ["{", '{"version": 1, "node": "pvchv9", "vfs": {"ens1f0v0": {"vlan_id": 9}}}', "[]"])
def test_a_damaged_or_foreign_file_is_not_applied(running: Running, tmp_path: Path, text: str) -> None:
    (tmp_path / "wanted.json").write_text(text)
    running.start("127.0.0.1:1", "--state-file", str(tmp_path / "wanted.json"))
    running.told("holding the last settings")
    wait_until(lambda: len(running.kernel.vfs("ens1f0")) == 4)
    assert running.kernel.actual("ens1f0", 0).vlan_id == 0


# Feedback


def test_it_publishes_how_it_is_where_pvc_shows_it(running: Running, tree: Tree, zk: ZKHandler) -> None:
    running.kernel.unplug("ens1f1")
    running.kernel.plug_in("ens1f1", "igb")
    running.start(tree.hosts)
    running.settled()
    wait_until(lambda: read_reports(zk, ["pvchv1"])["pvchv1"] is not None)
    found = report(zk)
    assert running.process
    assert (found.agent.pid, found.agent.interval, found.healthy) == (running.process.pid, 30.0, True)
    assert not found.agent.is_silent(time.time())
    before = found.vfs["ens1f1v0"]
    set_vf(zk, "ens1f1v0", link_state="enable", vlan_id=9)
    wait_until(lambda: report(zk).vfs["ens1f1v0"].state == "refused")
    found = report(zk)
    assert found.vfs["ens1f1v0"].refused == {"link_state": "Operation not supported (EOPNOTSUPP)"}
    assert found.vfs["ens1f1v0"].seen == {"link_state": "auto"}
    assert found.vfs["ens1f1v0"].since > before.since
    assert tree.client.get(f"{PLUGIN}/health_delta")[0] == b"10"
    assert tree.client.get(f"{PLUGIN}/message")[0] == b"7 of 8 VFs in sync, 1 settings refused"
    assert abs(int(tree.client.get(f"{PLUGIN}/last_run")[0]) - time.time()) < 60
    assert float(tree.client.get(f"{PLUGIN}/runtime")[0]) < 60
    assert "sriov" in tree.client.get("/nodes/pvchv1/monitoring_plugins")[0].decode().split()


def test_a_change_that_the_card_took_is_told_by_its_time(running: Running, tree: Tree, zk: ZKHandler) -> None:
    running.start(tree.hosts)
    running.settled()
    wait_until(lambda: read_reports(zk, ["pvchv1"])["pvchv1"] is not None)
    before = report(zk).vfs
    set_vf(zk, "ens1f0v2", vlan_id=77)
    wait_until(lambda: report(zk).vfs["ens1f0v2"].since > before["ens1f0v2"].since)
    after = report(zk).vfs
    assert after["ens1f0v2"].state == "in_sync"
    assert {name for name in after if after[name] != before[name]} == {"ens1f0v2"}


def test_nothing_is_published_while_nothing_changes_and_what_a_daemon_deletes_comes_back(
    running: Running, tree: Tree
) -> None:
    running.start(tree.hosts)
    running.settled()
    wait_until(lambda: tree.client.exists(f"{PLUGIN}/data") is not None)
    time.sleep(1)  # it still hears of what it did itself
    version = tree.client.get(f"{PLUGIN}/data")[1].version
    time.sleep(2)  # nothing is waited for: nothing may happen
    assert tree.client.get(f"{PLUGIN}/data")[1].version == version
    # PVC's daemon does that to plugins that it does not know, when it starts.
    tree.client.delete(PLUGIN, recursive=True)
    tree.put("/nodes/pvchv1/monitoring_plugins", b"disk load")
    running.signal(signal.SIGHUP)
    wait_until(lambda: tree.client.exists(f"{PLUGIN}/data") is not None, 20, running.log.read_text)
    assert tree.client.get("/nodes/pvchv1/monitoring_plugins")[0] == b"disk load sriov"


def test_both_cards_dead_does_not_look_healthy(running: Running, tree: Tree, zk: ZKHandler) -> None:
    for phy in ("ens1f0", "ens1f1"):
        running.kernel.unplug(phy)
    running.start(tree.hosts, "--metrics-file", str(running.metrics))
    said = running.settled()
    assert "STATUS=0 of 8 VFs in sync, 0 settings refused; ens1f0 is configured, but this node has no such" in said
    wait_until(lambda: read_reports(zk, ["pvchv1"])["pvchv1"] is not None)
    found = report(zk)
    assert (found.healthy, found.health_delta) == (False, 25)
    assert {vf.state for vf in found.vfs.values()} == {"missing"}
    metrics = running.metrics.read_text()
    for line in (
        'pvc_sriov_vfs_wanted{node="pvchv1",pf="ens1f0"} 4',
        'pvc_sriov_vfs_present{node="pvchv1",pf="ens1f0"} 0',
        'pvc_sriov_session_up{node="pvchv1"} 1',
    ):
        assert f"{line}\n" in metrics
