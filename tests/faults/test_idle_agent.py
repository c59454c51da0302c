"""The SR-IOV agent, idle while servers die: it applies what comes after."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pvc_cli.zk import ZKHandler
from tests.agent.conftest import set_vf
from tests.agent.nic import SimulatedKernel
from tests.faults.table import Table
from tests.faults.trio import FAULTS, Trio
from tests.faults.works import Work

REPEATS = 4
LIMIT = 60
CONFIG = "guest_networking: {sriov_enable: yes, sriov_device: [{phy: ens1f0, vfcount: 4}, {phy: ens1f1, vfcount: 4}]}"
pytestmark = pytest.mark.usefixtures("zookeeper")


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table("idle agent")
    yield table
    table.show()


@pytest.mark.parametrize("fault", FAULTS)
def test_an_idle_agent_survives_and_applies_what_comes_after(
    trio: Trio, table: Table, fault: str, tmp_path: Path
) -> None:
    hosts = trio.hosts + trio.plant(Work("", vms=10))
    cards = tmp_path / "cards"
    cards.mkdir()
    kernel = SimulatedKernel(cards)
    for phy in ("ens1f0", "ens1f1"):
        kernel.plug_in(phy)
    (tmp_path / "pvc.conf").write_text(CONFIG)
    with (tmp_path / "log").open("w") as log:
        agent = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.agent.driver", str(cards), "--coordinators", hosts, "--timeout", "8"),
                *("sriov", "agent", "run", "--node", "pvchv1", "--config", str(tmp_path / "pvc.conf")),
            ],
            stderr=log,
        )
    try:
        wait_for(lambda: "VF ens1f1v3 updated" in (tmp_path / "log").read_text(), tmp_path)
        for number in range(REPEATS):
            trio.strike(fault, port_of(trio, agent.pid))
            struck = time.monotonic()
            trio.heal()
            vlan = 100 + number
            set_vlan(hosts, vlan)
            wait_for(lambda vlan=vlan: all(kernel.actual("ens1f0", n).vlan_id == vlan for n in range(4)), tmp_path)  # type: ignore[misc]
            assert agent.poll() is None
            table.note(fault, "finished", seconds=time.monotonic() - struck, limit=LIMIT)
    finally:
        agent.terminate()
        assert agent.wait(30) == 0


def set_vlan(hosts: str, vlan: int) -> None:
    with ZKHandler(hosts, timeout=30) as handler:
        set_vf(handler, "ens1f0v*", vlan_id=vlan)


def port_of(trio: Trio, pid: int) -> int:
    """Return the port of the server that a process is connected to."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    ports = {server.port for server in trio.ensemble.servers}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[2].partition(":")[2], 16)
        if fields[9] in inodes and port in ports:
            return port
    raise AssertionError("the agent is connected to no server")


def wait_for(met: Callable[[], bool], folder: Path, seconds: float = LIMIT) -> None:
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, (folder / "log").read_text()
        time.sleep(0.02)
