from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pvc_cli.agent.agent import Agent
from pvc_cli.agent.config import Device, NodeConfig
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.status import report_of
from pvc_cli.cluster.sriov.model import Value, find_vfs
from pvc_cli.cluster.sriov.settings import change_settings, check_settings
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.agent.nic import SimulatedKernel
from tests.agent.running import Running


class Node:
    """A node's agent on simulated cards."""

    name = "pvchv1"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.kernel = SimulatedKernel(folder)
        self.agent = self.restart()

    def restart(self, *devices: Device, enabled: bool = True) -> Agent:
        """An agent without memory, with these devices configured."""
        if hasattr(self, "agent"):
            self.agent.lease.release()
        config = NodeConfig(Path("/etc/pvc/pvc.conf"), enabled, devices)
        self.agent = Agent(self.kernel, self.name, Journal(), config)
        return self.agent


def install(kernel: SimulatedKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands of this process find the simulated cards."""
    for module in ("agent.sync", "pf.set", "pf._resizing"):
        monkeypatch.setattr(f"pvc_cli.commands.network.sriov.{module}.LinuxKernel", lambda: kernel)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedKernel:
    """The cards of pvchv1, with 4 VFs each."""
    folder = tmp_path / "cards"
    folder.mkdir()
    kernel = SimulatedKernel(folder)
    for phy in ("ens1f0", "ens1f1"):
        kernel.plug_in(phy, "igb")
        kernel.create_vfs(phy, 4)
        kernel.bring_up(phy)
    install(kernel, monkeypatch)
    return kernel


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "agent"
    folder.mkdir()
    running = Running(folder)
    yield running
    running.close()


@pytest.fixture
def own(zookeeper: None, tmp_path: Path) -> Iterator[Ensemble]:
    """A server that the test may kill."""
    with Ensemble(tmp_path / "own") as ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=10, schema=ZKSchema())
        yield ensemble


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "cards")


def counts(agent: Agent) -> tuple[int, int, int]:
    """How many VFs a node has, how many of them are in sync, and how many settings are refused."""
    report = report_of(agent)
    pfs = report.pfs.values()
    refused = sum(len(vf.refused) for vf in report.vfs.values())
    return sum(pf.present for pf in pfs), sum(pf.in_sync for pf in pfs), refused


def set_vf(handler: ZKHandler, name: str, **settings: Value) -> None:
    """Change settings of a VF of pvchv1, as `pvc sriov vf set` does."""
    change_settings(handler, find_vfs(handler, "pvchv1", [name]), check_settings(settings))
