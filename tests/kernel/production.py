"""A node in production, told row by row: the agent under its own unit, from boot on, through what goes wrong.

Runs in the guest as root, beside systemd and the stand-ins of `standin`. Each row prints what the card says.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pvc_cli.cluster.sriov.model import Value, find_vfs
from pvc_cli.cluster.sriov.settings import change_settings, check_settings
from pvc_cli.zk import ZKHandler
from tests.kernel import standin
from tests.kernel.node import (
    CONFIG,
    IGB,
    NODE,
    SIM,
    card,
    count,
    delayed_writes,
    expect,
    ip,
    journal,
    last_words,
    number_of_vfs,
    property_of,
    run,
    set_count,
    status,
    systemctl,
    within,
)

RESYNC = 35
"""Seconds until a round finds what the kernel does not tell: 30, and some for the round."""
SPARE = 60
TIMES = 15
"""How often a VF is changed by hand for a median."""
ZOOKEEPER, AGENT, DAEMON = "zookeeper.service", "pvc-sriov-agent.service", "pvcnoded.service"


class Production:
    """The rows, in order: a method each, its docstring what must be so; it returns what was seen."""

    def __init__(self, hosts: str) -> None:
        self._hosts = hosts

    def boot_without_zookeeper(self) -> str:
        """A boot ends without network and ZooKeeper; the agent is ready and says what it waits for."""
        within("the agent is active", lambda: property_of(AGENT, "ActiveState") == "active", SPARE)
        within("its status says why", lambda: "Waiting for ZooKeeper" in status(), SPARE)
        within("the boot is over", lambda: property_of("multi-user.target", "ActiveState") == "active", SPARE)
        jobs = systemctl("list-jobs")
        expect("no job waits for another", "No jobs" in jobs, jobs)
        return f"active, {status()!r}, {jobs}"

    def new_node(self) -> str:
        """PVC's daemon brings up the network, starts ZooKeeper and registers the node; then VFs are registered."""
        standin.GO.touch()
        within("the daemon has registered the node", lambda: "registered" in journal(DAEMON), SPARE)
        within("the agent's round is done", lambda: "VFs in sync" in status(), SPARE)
        ready = int(property_of(AGENT, "ActiveEnterTimestampMonotonic"))
        started = int(property_of(ZOOKEEPER, "ActiveEnterTimestampMonotonic"))
        expect("the agent was ready before ZooKeeper", ready < started, f"{ready} {started}")
        return f"agent ready at {ready / 1e6:.1f} s, ZooKeeper up at {started / 1e6:.1f} s; {status()}"

    def unit(self) -> str:
        """systemd understands the unit, is content with its exposure, and shows that nothing waits for it."""
        verified = run("systemd-analyze", "verify", "--man=no", AGENT)
        expect("verify finds nothing", "pvc-sriov-agent" not in verified, verified)
        level = run("systemd-analyze", "security", "--no-pager", AGENT).strip().splitlines()[-1].removeprefix("→ ")
        after = run("systemctl", "list-dependencies", "--after", "--plain", DAEMON)
        expect("PVC's daemon does not start after the agent", AGENT not in after, after)
        chain = run("systemd-analyze", "critical-chain", AGENT).splitlines()[3:7]
        return "\n".join([level, run("systemd-analyze", "time").splitlines()[0], *chain])

    def many_vfs(self) -> str:
        """250 VFs are registered, with what the card really has, and settled."""
        with self._tree() as handler:
            names = [vf.phy for vf in find_vfs(handler, NODE, [f"{SIM}v*"])]
            expect("250 are in the tree", len(names) == 250, len(names))
            at = ("node.sriov.vf", NODE)
            found = handler.read_many(
                (*at, f"sriov_vf.config.{key}", f"{SIM}v249") for key in ("vlan_id", "vlan_qos")
            )
        expect("the last has the VLAN that was set before the agent came", found == ["777", "3"], found)
        within("all are in sync", lambda: count(status(), "in sync") == 254, RESYNC)
        expect("the card still has it", card(SIM, 249)["vlan_id"] == 777, card(SIM, 249))
        return f"{status()}; VF 249: {card(SIM, 249)}"

    def drift_among_many(self) -> str:
        """One of 250, changed by hand, is put right in less than a second at the median."""
        self._set(f"{SIM}v200", vlan_id=200)
        within("the card has the VLAN", lambda: card(SIM, 200)["vlan_id"] == 200, RESYNC)
        return self._drifts_often(SIM, 200, 200)

    def drift_on_hardware(self) -> str:
        """The same on igb."""
        self._set(f"{IGB}v1", vlan_id=101, vlan_qos=2)
        within("the card has the VLAN", lambda: card(IGB, 1)["vlan_id"] == 101, RESYNC)
        return self._drifts_often(IGB, 1, 101)

    def minimum_rate_refused(self) -> str:
        """igb has no minimum rate: it gets the maximum alone, and the minimum is reported."""
        self._set(f"{IGB}v1", tx_rate_min=100, tx_rate_max=500)
        try:
            within("the maximum is set", lambda: card(IGB, 1)["tx_rate_max"] == 500, RESYNC)
            within("the minimum is said to be refused", lambda: "tx_rate_min" in journal(AGENT), RESYNC)
            return f"{card(IGB, 1)}; {status()!r}"
        finally:
            self._set(f"{IGB}v1", tx_rate_min=0, tx_rate_max=0)

    def settings_without_zookeeper(self) -> str:
        """ZooKeeper is lost: the settings are held, and the status says so; it is back: changes are applied."""
        systemctl("stop", ZOOKEEPER)
        try:
            held = f"VF 1 put right after {self._drifts(IGB, 1, 101):.2f} s"
            within("the status says it", lambda: "ZooKeeper" in status(), RESYNC)
            said = status()
        finally:
            systemctl("start", ZOOKEEPER)
        self._set(f"{IGB}v2", vlan_id=102)
        within("a change is applied", lambda: card(IGB, 2)["vlan_id"] == 102, SPARE)
        return f"{held}; {said!r}; VF 2: {card(IGB, 2)}"

    def start_without_zookeeper(self) -> str:
        """A boot without ZooKeeper, on a card whose VFs are gone: the last wanted settings are applied."""
        systemctl("stop", AGENT, ZOOKEEPER)
        set_count(IGB, 0)
        systemctl("start", AGENT)
        try:
            within("the VLAN is on the card", lambda: card(IGB, 1).get("vlan_id") == 101, RESYNC)
            return f"{status()!r}; VF 1: {card(IGB, 1)}"
        finally:
            systemctl("start", ZOOKEEPER)
            within("it is in sync again", lambda: "VFs in sync" in status(), SPARE)

    def signals(self) -> str:
        """SIGHUP and stop in the middle of a start do no harm; a stop ends well."""
        for _ in range(3):
            systemctl("restart", "--no-block", AGENT)
            time.sleep(0.3)
            systemctl("kill", "--signal=HUP", AGENT)
        within("it runs", lambda: "VFs in sync" in status(), SPARE)
        systemctl("restart", "--no-block", AGENT)
        time.sleep(0.3)
        systemctl("stop", AGENT)
        ended = [property_of(AGENT, name) for name in ("ActiveState", "Result", "ExecMainStatus")]
        systemctl("start", AGENT)
        expect("it ended well", ended[:2] == ["inactive", "success"], ended)
        within("it runs again", lambda: "VFs in sync" in status(), SPARE)
        systemctl("reload", AGENT)
        within("it reloads", lambda: "reloaded" in journal(AGENT), SPARE)
        return f"stopped while starting: {', '.join(ended)}"

    def mtu_refused(self) -> str:
        """A refused MTU leaves the PF up, with its VFs; the status and the exit code of sync say so."""
        ip("link", "set", IGB, "down")
        with configured("{phy: enp1s0, ", "{phy: enp1s0, mtu: 20000, "):
            systemctl("reload", AGENT)
            within("the PF is up", lambda: "state UP" in ip("link", "show", IGB), RESYNC)
            within("the journal says it", lambda: "MTU" in journal(AGENT), RESYNC)
            said = status()
            # There is one agent per node: it makes room for this one.
            systemctl("stop", AGENT)
            synced = run("python3", "-m", "pvc_cli", "sriov", "agent", "sync", check=False)
            systemctl("start", AGENT)
            expect("sync fails", "exit 1" in synced, synced)
        systemctl("reload", AGENT)
        return f"{ip('link', 'show', IGB).splitlines()[0]}; {said!r}"

    def given_to_vfio(self) -> str:
        """A VF that vfio-pci has, as under a VM, is set through its PF, and stays registered."""
        function = Path(f"/sys/class/net/{IGB}/device/virtfn3").resolve()
        run("modprobe", "vfio-pci")
        (function / "driver_override").write_text("vfio-pci")
        (function / "driver/unbind").write_text(function.name)
        Path("/sys/bus/pci/drivers_probe").write_text(function.name)
        driver = (function / "driver").resolve().name
        expect("vfio-pci has it", driver == "vfio-pci", driver)
        self._set(f"{IGB}v3", vlan_id=103, trust=True)
        within("it has the VLAN", lambda: card(IGB, 3)["vlan_id"] == 103, RESYNC)
        within("it is trusted", lambda: card(IGB, 3)["trust"] == 1, RESYNC)
        expect("it is registered", f"{IGB}v3" in self._names(), self._names())
        return f"driver {driver}; VF 3: {card(IGB, 3)}"

    def two_of_four(self) -> str:
        """After a boot with 2 of 4 VFs, the others' settings are kept, and come back with them."""
        systemctl("stop", AGENT)
        set_count(IGB, 0)
        set_count(IGB, 2)
        systemctl("start", AGENT)
        within("a round is done", lambda: "VFs in sync" in status(), SPARE)
        time.sleep(2)
        wanted = self._wanted(f"{IGB}v3", "vlan_id")
        few, said = number_of_vfs(IGB), status()
        systemctl("stop", AGENT)
        set_count(IGB, 0)
        systemctl("start", AGENT)
        within("all four are there", lambda: number_of_vfs(IGB) == 4, SPARE)
        expect("the tree still wants what it did", wanted == "103", wanted)
        within("the card has it again", lambda: card(IGB, 3)["vlan_id"] == 103, SPARE)
        return f"with {few} VFs {said!r}, and the tree wanted VLAN {wanted}; VF 3: {card(IGB, 3)}"

    def renamed(self) -> str:
        """A PF that the kernel calls otherwise is found by its altname: nothing is pruned, drift is put right."""
        ip("link", "set", IGB, "down")
        ip("link", "set", IGB, "name", "ens1f0np0")
        ip("link", "property", "add", "dev", "ens1f0np0", "altname", IGB, check=False)
        ip("link", "set", "ens1f0np0", "up")
        try:
            systemctl("restart", AGENT)
            within("a round is done", lambda: "VFs in sync" in status(), SPARE)
            expect("the settings are still wanted", self._wanted(f"{IGB}v3", "vlan_id") == "103", self._names()[:5])
            ip("link", "set", "ens1f0np0", "vf", "3", "vlan", "66")
            within("it is put right", lambda: card("ens1f0np0", 3)["vlan_id"] == 103, RESYNC)
            return f"VF 3 of ens1f0np0: {card('ens1f0np0', 3)}; {status()!r}"
        finally:
            ip("link", "set", "ens1f0np0", "down")
            ip("link", "property", "del", "dev", "ens1f0np0", "altname", IGB, check=False)
            ip("link", "set", "ens1f0np0", "name", IGB)
            ip("link", "set", IGB, "up")
            systemctl("restart", AGENT)

    def slow_creation(self) -> str:
        """A driver that takes 75 s to create VFs, longer than the watchdog's time: the agent lives on."""
        within("it is in sync", lambda: "VFs in sync" in status(), SPARE)
        before = property_of(AGENT, "MainPID")
        counter = Path(f"/sys/class/net/{SIM}/device/sriov_numvfs").resolve()
        with delayed_writes(int(before), counter, 75):
            set_count(SIM, 0)
            within("the VFs are created", lambda: number_of_vfs(SIM) == 250, 75 + 2 * SPARE)
        within("VF 200 has its VLAN again", lambda: card(SIM, 200)["vlan_id"] == 200, 2 * SPARE)
        after = property_of(AGENT, "MainPID")
        expect("the watchdog did not kill it", before == after, last_words())
        return f"process {after} as before; {status()!r}; VF 200: {card(SIM, 200)}"

    def stopped_process(self) -> str:
        """An agent that hangs is started anew by systemd, and puts right what changed meanwhile."""
        before = property_of(AGENT, "MainPID")
        systemctl("kill", "--signal=STOP", AGENT)
        ip("link", "set", SIM, "vf", "200", "vlan", "5")
        started = time.monotonic()
        within("it is started anew", lambda: property_of(AGENT, "MainPID") not in (before, "0"), 3 * SPARE)
        within("the VLAN is back", lambda: card(SIM, 200)["vlan_id"] == 200, SPARE)
        return f"after {time.monotonic() - started:.0f} s; VF 200: {card(SIM, 200)}"

    def figures(self) -> str:
        """Prometheus finds the figures, although the unit may write nearly nowhere."""
        figures = Path("/var/lib/prometheus/node-exporter/pvc-sriov.prom").read_text()
        lines = [line for line in figures.splitlines() if not line.startswith("#")]
        expect("both PFs are there", sum("pvc_sriov_vfs_wanted" in line for line in lines) == 2, figures)
        return "\n".join(lines)

    def _tree(self) -> ZKHandler:
        """The tree, past the stand-in for ZooKeeper: also while that is down."""
        return ZKHandler(self._hosts)

    def _set(self, name: str, **settings: Value) -> None:
        with self._tree() as handler:
            change_settings(handler, find_vfs(handler, NODE, [name]), check_settings(settings))

    def _wanted(self, name: str, setting: str) -> str | None:
        with self._tree() as handler:
            return handler.read(("node.sriov.vf", NODE, f"sriov_vf.config.{setting}", name))

    def _names(self) -> list[str]:
        with self._tree() as handler:
            return handler.children(("node.sriov.vf", NODE)) or []

    @classmethod
    def _drifts_often(cls, phy: str, index: int, vlan: int) -> str:
        """Change a VF's VLAN by hand, again and again, and return how long the agent took."""
        took = []
        for _ in range(TIMES):
            time.sleep(1)
            took.append(cls._drifts(phy, index, vlan))
        middle = statistics.median(took)
        times = f"VF {index} put right after {middle:.2f} s at the median of {TIMES}, {max(took):.2f} s at most"
        expect("less than a second at the median", middle < 1, times)
        return f"{times}: {card(phy, index)}"

    @staticmethod
    def _drifts(phy: str, index: int, vlan: int) -> float:
        """Change a VF's VLAN by hand, wait for the agent to correct it, and return how many seconds that took."""
        ip("link", "set", phy, "vf", str(index), "vlan", "55")
        started = time.monotonic()
        within("it is put right", lambda: card(phy, index)["vlan_id"] == vlan, RESYNC, 0.02)
        return time.monotonic() - started


class configured:  # noqa: N801 - used as a function
    """Another configuration for a ``with`` block."""

    def __init__(self, old: str, new: str) -> None:
        self._before = CONFIG.read_text()
        self._text = self._before.replace(old, new)

    def __enter__(self) -> None:
        CONFIG.write_text(self._text)

    def __exit__(self, *_error: object) -> None:
        CONFIG.write_text(self._before)


ROWS: tuple[Callable[[Production], str], ...] = (
    Production.boot_without_zookeeper,
    Production.new_node,
    Production.unit,
    Production.many_vfs,
    Production.drift_among_many,
    Production.drift_on_hardware,
    Production.minimum_rate_refused,
    Production.settings_without_zookeeper,
    Production.start_without_zookeeper,
    Production.signals,
    Production.mtu_refused,
    Production.given_to_vfio,
    Production.two_of_four,
    Production.renamed,
    Production.slow_creation,
    Production.stopped_process,
    Production.figures,
)


def main() -> int:
    """Go through the named rows, or all; the status is 1 if one of them is not as it must be."""
    hosts, *names = sys.argv[1:]
    production = Production(hosts)
    rows = [row for row in ROWS if row.__name__ in names or not names]
    failed = []
    for row in rows:
        started = time.monotonic()
        try:
            seen = row(production)
        except Exception as error:
            failed.append(row.__name__)
            seen = f"FAILED: {type(error).__name__}: {error}"
        print(f"-- {row.__name__} ({time.monotonic() - started:.0f} s): {row.__doc__}")
        print("".join(f"   {line}\n" for line in seen.splitlines()), end="", flush=True)
    print(f"{len(rows) - len(failed)} of {len(rows)} rows as they must be", *failed)
    if failed:
        print("The agent's journal ends so:", last_words(40), sep="\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
