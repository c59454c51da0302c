"""An agent that runs as a process of its own, on simulated cards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from pvc_cli.cluster.sriov.model import Value, VfRef, find_vfs, pf_of
from pvc_cli.cluster.sriov.settings import change_settings, check_settings
from pvc_cli.zk import ZKHandler
from tests.agent.nic import SimulatedKernel
from tests.waiting import wait_until

CONFIG = """
cluster: {name: demo}
guest_networking:
  sriov_enable: yes
  sriov_device:
    - {phy: ens1f0, mtu: 9000, vfcount: 4}
    - {device: ens1f1, vfcount: 4}
"""


class Running:
    """An agent that runs, its cards, and whatever tells how it is."""

    def __init__(self, folder: Path) -> None:
        self.cards = folder / "cards"
        self.cards.mkdir()
        self.kernel = SimulatedKernel(self.cards)
        for phy in ("ens1f0", "ens1f1"):
            self.kernel.plug_in(phy)
        self.config = folder / "pvc.conf"
        self.config.write_text(CONFIG)
        self.log = folder / "log"
        self.metrics = folder / "metrics" / "pvc.prom"
        self.supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.supervisor.bind(str(folder / "notify"))
        self.supervisor.settimeout(15)
        self.process: subprocess.Popen[str] | None = None

    def configure(self, text: str) -> None:
        """Put another configuration in place at once: the agent may look at any moment."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    def start(self, hosts: str = "", *options: str, stderr: int | None = None, **environment: str) -> None:
        """Start it on *hosts*, else on the saved connection."""
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.agent.driver", str(self.cards)),
                    *(*(("--coordinators", hosts) if hosts else ()), "--timeout", "4", "sriov", "agent", "run"),
                    *("--node", "pvchv1", "--config", str(self.config), *options),
                ],
                env={
                    **os.environ,
                    "NOTIFY_SOCKET": str(self.supervisor.getsockname()),
                    "XDG_CONFIG_HOME": str(self.log.parent / "xdg"),
                    **environment,
                },
                stderr=log if stderr is None else stderr,
                text=True,
            )  # fmt: skip

    def settled(self) -> str:
        """Wait for a round that reached the cluster."""
        return self.told("VFs in sync")

    def saved(self, hosts: str) -> None:
        """Save a connection to *hosts*, and make it the current one."""
        file = self.log.parent / "xdg/pvc/connections.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"current: here\nconnections: {{here: {{coordinators: '{hosts}'}}}}\n")

    def told(self, word: str) -> str:
        """Wait for systemd's place to be told *word*."""
        while True:
            message = self.supervisor.recv(4096).decode()
            if word in message:
                return message

    def says(self, text: str, times: int = 1) -> None:
        """Wait for the log to hold *text* so many times."""
        wait_until(
            lambda: self.log.read_text().count(text) >= times,
            why=lambda: f"no {text!r} in:\n{self.log.read_text()}",
        )

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def suspend(self) -> None:
        """Suspend it, at a moment at which it has no card's file locked: the test wants to use them."""
        assert self.process
        stat = Path(f"/proc/{self.process.pid}/stat")
        with self.kernel.card("ens1f0"), self.kernel.card("ens1f1"):
            self.signal(signal.SIGSTOP)
            wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")

    def end(self) -> int:
        """Stop it as systemd does, and return its exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def close(self) -> None:
        """Whatever it has been through, it ends when it is told to."""
        try:
            if self.process and self.process.poll() is None:
                assert self.end() == 0, self.log.read_text()
        finally:
            self.supervisor.close()
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()


def apply(handler: ZKHandler, running: Running, vf: VfRef, **settings: Value) -> float:
    """Set something on a VF and return how long it took, in seconds, until the card had it."""
    index = int(vf.phy.rpartition("v")[2])
    started = time.monotonic()
    change_settings(handler, [vf], check_settings(settings))

    def arrived() -> bool:
        actual = running.kernel.actual(pf_of(vf.phy), index)
        return settings.items() <= actual.known().items()

    wait_until(arrived, 20, lambda: f"{settings} did not arrive:\n{running.log.read_text()}")
    with running.kernel.card(pf_of(vf.phy)) as card:
        return float(card["vfs"][index]["at"]) - started


def vfs_of(handler: ZKHandler) -> list[VfRef]:
    return find_vfs(handler, "pvchv1", ["ens1f?v*"])
