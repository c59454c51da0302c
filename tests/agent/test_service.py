"""The agent as a service: a process of its own, a real ZooKeeper, simulated cards, real signals and faults."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler
from tests.agent.conftest import install, set_vf
from tests.agent.running import CONFIG, Running, apply, vfs_of
from tests.conftest import Pvc, Tree, sessions
from tests.waiting import wait_until

CHANGES = 100
IDLE = 3


def registered(tree: Tree, names: set[str]) -> bool:
    return names <= set(tree.client.get_children("/nodes/pvchv1/sriov/vf"))


def test_a_change_is_in_the_card_in_less_than_100_ms(running: Running, tree: Tree, zk: ZKHandler) -> None:
    running.start(tree.hosts)
    running.settled()
    vfs = vfs_of(zk)
    times = sorted(
        apply(zk, running, vfs[number % len(vfs)], vlan_id=number + 1, tx_rate_max=number + 1)
        for number in range(CHANGES)
    )
    deciles = " ".join(f"{times[min(len(times) * tenth // 10, len(times) - 1)] * 1000:.1f}" for tenth in range(11))
    print(f"{CHANGES} changes, from setting one to the card having it, in ms, by tenths: {deciles}")
    assert statistics.median(times) < 0.1


def test_it_tells_its_supervisor_how_it_is_and_stops_when_told_to(running: Running, tree: Tree) -> None:
    running.start(tree.hosts, "--metrics-file", str(running.metrics), WATCHDOG_USEC="600000", JOURNAL_STREAM="1:2")
    assert "READY=1\nSTATUS=8 of 8 VFs in sync, 0 settings refused" in running.settled()
    for _ in range(3):
        running.told("WATCHDOG=1")
    metrics = running.metrics.read_text()
    for phy in ("ens1f0", "ens1f1"):
        for name in ("wanted", "present", "in_sync"):
            assert f'pvc_sriov_vfs_{name}{{node="pvchv1",pf="{phy}"}} 4\n' in metrics
    assert 'pvc_sriov_session_up{node="pvchv1"} 1\n' in metrics
    assert 'pvc_sriov_errors_total{node="pvchv1"} 0\n' in metrics
    assert running.metrics.stat().st_mode & 0o777 == 0o644
    assert running.end() == 0
    running.told("STOPPING=1")
    lines = running.log.read_text().splitlines()
    assert lines[0] == f"<5>Connected to ZooKeeper at {tree.hosts}."
    assert lines[-2:] == [f"<5>Disconnected from ZooKeeper at {tree.hosts}.", "<5>stopped"]


def test_a_dead_card_and_a_lost_cluster_are_in_the_figures(running: Running, own: Ensemble) -> None:
    running.kernel.unplug("ens1f1")
    running.start(own.hosts, "--metrics-file", str(running.metrics), "--resync", "1")
    running.settled()
    metrics = running.metrics.read_text()
    assert 'pvc_sriov_vfs_wanted{node="pvchv1",pf="ens1f1"} 4\n' in metrics
    assert 'pvc_sriov_vfs_present{node="pvchv1",pf="ens1f1"} 0\n' in metrics
    (server,) = own.servers
    server.stop()
    running.told("STATUS=Waiting for ZooKeeper")
    wait_until(lambda: 'pvc_sriov_session_up{node="pvchv1"} 0\n' in running.metrics.read_text())
    assert 'pvc_sriov_errors_total{node="pvchv1"} 0\n' not in running.metrics.read_text()


def test_figures_that_cannot_be_left_are_said_so_and_stop_nothing(running: Running, tree: Tree) -> None:
    running.metrics.parent.write_text("a file in the place of the folder")
    running.start(tree.hosts, "--metrics-file", str(running.metrics))
    running.says(f"could not write {running.metrics}: ")
    running.told("8 of 8 VFs in sync")


def test_a_hangup_reads_the_configuration_again_and_a_broken_one_changes_nothing(
    running: Running, tree: Tree
) -> None:
    running.start(tree.hosts)
    running.settled()
    running.configure(CONFIG.replace("vfcount: 4}\n    - {dev", "vfcount: many}\n    - {dev"))
    running.signal(signal.SIGHUP)
    running.told("RELOADING=1")
    running.told("READY=1")
    running.says("guest_networking.sriov_device[0].vfcount is 'many': give a number from 0 to 65535; keeping")
    assert len(tree.client.get_children("/nodes/pvchv1/sriov/vf")) == 8
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v0/used", b"False")
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v0/used_by", b"")
    tree.put(f"/domains/{tree.uuid('nfv-01')}/state", b"stop")
    running.configure(CONFIG.replace("    - {phy: ens1f0, mtu: 9000, vfcount: 4}\n", ""))
    running.signal(signal.SIGHUP)
    running.says("PF ens1f0 pruned")
    assert tree.client.get_children("/nodes/pvchv1/sriov/pf") == ["ens1f1"]


def test_a_misspelt_key_is_in_the_status_and_in_the_report(running: Running, tree: Tree) -> None:
    running.start(tree.hosts)
    running.settled()
    unknown = f"{running.config}: unknown key guest_networking.{{}} is ignored: did you mean"
    running.configure(CONFIG.replace("sriov_device:", "sriov_devices:"))
    running.signal(signal.SIGHUP)
    running.told(f"STATUS=0 of 0 VFs in sync, 0 settings refused, 8 orphaned; {unknown.format('sriov_devices')}")
    report = "/nodes/pvchv1/monitoring_data/sriov"
    wait_until(lambda: b"sriov_devices is ignored" in tree.client.get(f"{report}/message")[0], 10)
    assert tree.client.get(f"{report}/health_delta")[0] == b"25"
    assert tree.client.get("/nodes/pvchv1/sriov/pf/ens1f0/vfcount")[0] == b"4"
    running.configure(CONFIG.replace("sriov_enable:", "sriov_enabled:"))
    running.signal(signal.SIGHUP)
    running.told("STATUS=SR-IOV is disabled: ")
    running.says(unknown.format("sriov_enabled"))


def test_another_number_of_vfs_is_followed_and_a_broken_one_is_not(running: Running, tree: Tree) -> None:
    running.start(tree.hosts, "--resync", "1")
    running.settled()
    running.configure(CONFIG.replace("vfcount: 4", "vfcount: lots"))
    running.says("guest_networking.sriov_device[0].vfcount is 'lots': give a number from 0 to 65535; keeping")
    for text in ("", "# a comment\n"):
        running.configure(CONFIG.replace("ens1f1, vfcount: 4", "ens1f1, vfcount: 3") + text)
        running.says(f"{running.config} has another vfcount: following it")
    running.says("ens1f1 has 4 VFs, but 3 are configured")
    time.sleep(2.5)
    # Each is said once, and a comment changes nothing.
    assert running.log.read_text().count("; keeping") == 1
    assert running.log.read_text().count("following it") == 1


def test_a_configuration_that_is_half_written_prunes_nothing(running: Running, tree: Tree) -> None:
    with running.kernel.card("ens1f1") as card:
        card["refuse"] = {"vlan": errno.EOPNOTSUPP}
    running.start(tree.hosts, "--resync", "1")
    running.settled()
    wanted = "/nodes/pvchv1/sriov/vf/ens1f1v3/config/vlan_id"
    tree.put(wanted, b"103")
    running.configure(CONFIG[: CONFIG.index("    - {device")])
    running.says(f"{running.config} has changed: run 'systemctl reload pvc-sriov-agent' to follow it")
    time.sleep(2.5)
    running.configure(CONFIG)
    time.sleep(1.5)
    assert tree.client.get(wanted)[0] == b"103"
    assert "pruned" not in running.log.read_text()
    assert running.log.read_text().count("to follow it") == 1


def test_a_resize_right_after_the_change_gives_the_new_number(
    running: Running, tree: Tree, pvc: Pvc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent has no reason to look at its configuration yet, but that the VFs are gone."""
    monkeypatch.setattr(socket, "gethostname", lambda: "pvchv1")
    install(running.kernel, monkeypatch)
    running.start(tree.hosts, "--resync", "3600")
    running.settled()
    with ZKHandler(tree.hosts) as handler:
        set_vf(handler, "ens1f1v3", vlan_id=103, trust=True)
    here = ("--coordinators", tree.hosts, "sriov", "pf")
    before = 4

    def has_settings_back() -> bool:
        actual = running.kernel.actual("ens1f1", 3)
        return (actual.vlan_id, actual.trust) == (103, True)

    # Without any VF, the settings of those that nobody claimed are given up.
    for count in (8, 5, 0, 64, 4):
        # ens1f0 is in use, and stays as it is.
        result = pvc(*here, "set", "pvchv1", "ens1f1", "--vfcount", str(count), "--config", str(running.config))
        assert result.code == 0, result.err
        result = pvc(*here, "drain", "pvchv1", "ens1f1", "--resize", "--yes", "--config", str(running.config))
        assert (result.code, result.out) == (0, ""), result.err
        # Where there are none, the agent creates them whenever it looks.
        already = f"pvchv1/ens1f1: unchanged: it has {count} VFs, as configured.\n"
        assert result.err in (f"pvchv1/ens1f1: resized {before} -> {count}.\n", *[already] * (before == 0))
        before = count
        # Of a VF that is not registered yet, nobody can tell who uses it.
        names = {f"ens1f1v{index}" for index in range(count)}
        wait_until(partial(registered, tree, names), 15)
        if count in (8, 5):
            wait_until(has_settings_back, 15, running.log.read_text)
    assert len(running.kernel.vfs("ens1f0")) == 4


def test_drift_is_put_right_at_the_next_look_at_everything(running: Running, tree: Tree) -> None:
    running.start(tree.hosts, "--resync", "1")
    running.settled()
    running.kernel.set_vf("ens1f1", 2, {"link_state": "disable"})
    running.says("ens1f1v2: link_state disable -> auto (drift: changed by another program)")
    assert running.kernel.actual("ens1f1", 2).link_state == "auto"


def test_it_is_ready_without_a_cluster(running: Running) -> None:
    """Else whatever starts after it would wait for ever: PVC's daemon starts the cluster's servers."""
    running.start("127.0.0.1:1")
    running.told("READY=1")
    running.told("STATUS=Waiting for ZooKeeper")
    assert running.end() == 0


def test_what_it_registers_is_in_nobodys_history(running: Running, tree: Tree, tmp_path: Path) -> None:
    tree.client.delete("/nodes/pvchv1/sriov/vf/ens1f0v3", recursive=True)
    running.start(tree.hosts, XDG_STATE_HOME=str(tmp_path / "state"))
    running.says("VF ens1f0v3 registered")
    assert not (tmp_path / "state").exists()


def test_it_waits_for_its_node_to_be_registered_and_works_the_moment_it_is(running: Running, tree: Tree) -> None:
    tree.client.delete("/nodes/pvchv1", recursive=True)
    running.start(tree.hosts)
    running.told("STATUS=Waiting for node pvchv1 to be registered")
    # Long enough for its pauses to have grown: only the watch is quick.
    time.sleep(4)
    tree.client.create("/nodes/pvchv1")
    started = time.monotonic()
    assert "8 of 8" in running.settled()
    assert time.monotonic() - started < 1


def test_a_hangup_leads_it_to_the_coordinators_configured_now(running: Running, tree: Tree) -> None:
    for hosts in (tree.hosts, tree.hosts.replace("127.0.0.1", "localhost")):
        running.saved(hosts)
        if running.process is None:
            running.start()
        else:
            running.signal(signal.SIGHUP)
            running.says("another cluster is configured: connecting to it")
        running.settled()
        running.says(f"Connected to ZooKeeper at {hosts}.")


def test_a_hangup_ends_the_wait_for_coordinators_that_are_not_there(running: Running, tree: Tree) -> None:
    running.saved("127.0.0.1:1")
    running.start()
    running.told("STATUS=Waiting for ZooKeeper")
    running.saved(tree.hosts)
    running.signal(signal.SIGHUP)
    running.settled()


@pytest.mark.parametrize("word", ["click", "kazoo.client"])
def test_a_signal_while_it_starts_is_heeded_and_kills_nothing(running: Running, tree: Tree, word: str) -> None:
    for signals in ((signal.SIGHUP,), (signal.SIGHUP, signal.SIGTERM)):
        process = subprocess.Popen(
            [
                *(sys.executable, "-X", "importtime", "-c"),
                "import sys; from pvc_cli.__main__ import run_agent; sys.exit(run_agent())",
                *("--node", "pvchv1", "--config", str(running.config)),
            ],
            env={**os.environ, "PVC_COORDINATORS": tree.hosts},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        for line in process.stderr:
            if line.endswith(f" {word}\n"):
                break
        for number in signals:
            process.send_signal(number)
        if len(signals) == 1:
            for line in process.stderr:
                if line == f"reloaded {running.config}\n":
                    break
            process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=15)[1]
        assert process.returncode == 0, said
        assert "stopped\n" in said


def full_device() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def dead_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def stalled_pipe() -> int:
    """A pipe whose reader has stopped reading."""
    _, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    return writer


@pytest.mark.parametrize("make", [full_device, dead_pipe, stalled_pipe])
def test_it_works_on_where_its_journal_cannot_be_written(
    running: Running, tree: Tree, zk: ZKHandler, make: Callable[[], int]
) -> None:
    stderr = make()
    running.start(tree.hosts, stderr=stderr)
    os.close(stderr)
    running.settled()
    vf = vfs_of(zk)[0]
    for number in range(1, 4):
        apply(zk, running, vf, vlan_id=number)
    assert running.end() == 0


def test_what_is_deleted_from_the_tree_comes_back(running: Running, tree: Tree) -> None:
    running.start(tree.hosts)
    running.settled()
    tree.client.delete("/nodes/pvchv1/sriov/vf/ens1f0v3", recursive=True)
    running.says("VF ens1f0v3 registered")


def test_it_waits_for_a_schema_with_sriov(running: Running, demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(version=0)
    running.start(tree.hosts)
    running.says("SR-IOV needs schema version 1, and this cluster has 0")
    running.told("Waiting for a schema version with SR-IOV")
    assert (
        pvc("--coordinators", tree.hosts, "schema", "upgrade", "--to", "1", "--yes", "--no-backup", "--force").code
        == 0
    )
    running.says("VF ens1f1v3 registered")


def test_a_configuration_that_makes_no_sense_ends_it_at_once(running: Running, tree: Tree) -> None:
    running.configure("guest_networking: {sriov_enable: perhaps}")
    running.start(tree.hosts)
    assert running.process
    assert running.process.wait(15) == 3
    assert running.log.read_text() == (
        f"Error: {running.config}: guest_networking.sriov_enable is 'perhaps': give yes or no\n"
    )


def test_one_that_is_told_of_no_cluster_ends_at_once(running: Running) -> None:
    running.start()
    assert running.process
    assert running.process.wait(15) == 3
    assert "cluster.coordinator_nodes is missing" in running.log.read_text()


def test_it_starts_before_the_servers_do_and_survives_their_death(own: Ensemble, running: Running) -> None:
    (server,) = own.servers
    server.stop()
    running.start(own.hosts)
    running.says("did not answer within 4 s")
    server.start()
    running.settled()
    with ZKHandler(own.hosts) as handler:
        vfs = vfs_of(handler)
        for number in range(3):
            apply(handler, running, vfs[number], vlan_id=10 + number)
    for outage in (1, 2):
        server.stop()
        running.says("Lost the connection", outage)
        if outage == 2:
            # This one lasts longer than the agent waits for an answer.
            running.says("without ZooKeeper: holding the last settings", 2)
            time.sleep(5)
        # What changes behind its back while nobody can tell it.
        running.kernel.set_vf("ens1f0", 0, {"vlan_id": 999})
        server.start()
        # Nothing that is wanted has changed: it is found only by whoever looks at everything again.
        wait_until(lambda: running.kernel.actual("ens1f0", 0).vlan_id == 10, why=running.log.read_text)
        with ZKHandler(own.hosts) as handler:
            for number in range(10):
                apply(handler, running, vfs[1 + number % 7], vlan_id=100 + number, tx_rate_max=number + 1)


def test_it_is_suspended_past_the_life_of_its_session(own: Ensemble, running: Running) -> None:
    running.start(own.hosts)
    running.settled()
    with ZKHandler(own.hosts) as handler:
        vfs = vfs_of(handler)
        before = sessions(own.hosts)
        running.suspend()
        wait_until(lambda: sessions(own.hosts) == before - 1)
        set_vf(handler, vfs[0].phy, vlan_id=42)
        running.kernel.set_vf("ens1f0", 1, {"vlan_id": 999})
        running.signal(signal.SIGCONT)
        running.says("Lost the session")
        wait_until(lambda: running.kernel.actual("ens1f0", 0).vlan_id == 42, why=running.log.read_text)
        wait_until(lambda: running.kernel.actual("ens1f0", 1).vlan_id == 0, why=running.log.read_text)
        for number in range(10):
            apply(handler, running, vfs[number % 8], vlan_id=100 + number)


def test_idle_it_uses_no_measurable_cpu(running: Running, tree: Tree) -> None:
    running.start(tree.hosts)
    running.settled()
    assert running.process
    process = Path(f"/proc/{running.process.pid}")

    def spent() -> float:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def woken() -> int:
        found = [status.read_text() for status in process.glob("task/*/status")]
        return sum(int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in found)

    time.sleep(1)  # it still hears of what it did itself
    before, woken_before = spent(), woken()
    time.sleep(IDLE)  # nothing is waited for: this is the time that is measured
    idle, often = spent() - before, woken() - woken_before
    print(f"idle for {IDLE} s: {idle:.2f} s of CPU time, woken {often} times")
    assert idle <= 0.05
    # Its session is kept alive three times in 4 s; whoever looks around ten times a second is not idle.
    assert often < 10 * IDLE
