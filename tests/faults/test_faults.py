"""Real faults on a real ensemble of three, each in the middle of real work: `make test-faults`.

After each: the command finished, or failed with one line and exit code 4 or 5; the same command again finishes; and
the tree is to the byte what an undisturbed run leaves.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.sandbox.demo import cluster
from pvc_cli.sandbox.server import Ensemble, Server, accepts_sessions
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.store import Op
from tests.agent.conftest import set_vf
from tests.agent.nic import SimulatedKernel

REPEATS = 4
SESSION = 4.0  # the shortest that these servers grant
PATIENCE = 15
FAULTS = ("leader killed", "follower killed", "client's server killed", "client's server paused", "all restarted")
TOO_LONG = "all away too long"
CONFIG = "guest_networking: {sriov_enable: yes, sriov_device: [{phy: ens1f0, vfcount: 4}, {phy: ens1f1, vfcount: 4}]}"
_numbers = iter(range(1_000_000))
pytestmark = pytest.mark.usefixtures("zookeeper")


@dataclass
class Table:
    """What came of the faults."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)
    """How long, in seconds, a command lasted after the fault at most."""

    def note(self, fault: str, *what: str, seconds: float = 0) -> None:
        self.counts.setdefault(fault, Counter()).update(("times", *what))
        self.longest[fault] = max(seconds, self.longest.get(fault, 0))

    def show(self) -> None:
        columns = ("times", "finished", "refused cleanly", "lost", "wrong")
        print(f"\n{'fault':24}" + "".join(f"{column:>16}" for column in columns) + "   bound   longest")
        total: Counter[str] = sum(self.counts.values(), Counter())
        self.longest["all"] = max(self.longest.values(), default=0)
        for fault, count in (*self.counts.items(), ("all", total)):
            # With no failure in N times, fewer than about 3 in N fail, at 95 % confidence.
            bound = "-" if count["lost"] or count["wrong"] else f"{300 / count['times']:.1f} %"
            numbers = "".join(f"{count[column]:16}" for column in columns)
            print(f"{fault:24}{numbers}{bound:>8}{self.longest[fault]:8.1f} s")


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    table.show()


class Trio:
    """Three servers, faults among them, and how to make them whole again."""

    def __init__(self, folder: Path) -> None:
        self.ensemble = Ensemble(folder, 3, heap="256m")
        self.ensemble.start()
        self.hosts = self.ensemble.hosts

    def strike(self, fault: str, port: int) -> None:
        """Strike, while the client's server is that at *port*."""
        servers = self.ensemble.servers
        clients = next(server for server in servers if server.port == port)
        if fault == "leader killed":
            self._leader().stop()
        elif fault == "follower killed":
            leader = self._leader()
            next(server for server in servers if server is not leader).stop()
        elif fault == "client's server killed":
            clients.stop()
        elif fault == "client's server paused":
            clients.signal(signal.SIGSTOP)
            time.sleep(SESSION + 2)
            clients.signal(signal.SIGCONT)
        else:
            for server in servers:
                server.stop()
            if fault != TOO_LONG:
                time.sleep(1)
                self.heal()

    def heal(self) -> None:
        """Start what was killed, and wait until all serve."""
        for server in self.ensemble.servers:
            if server.process is None:
                server.launch()
        until = time.monotonic() + 30
        while not all(accepts_sessions(server.port) for server in self.ensemble.servers):
            assert time.monotonic() < until, "the ensemble does not come back"
            time.sleep(0.02)

    def _leader(self) -> Server:
        return next(server for server in self.ensemble.servers if "Mode: leader" in ask(server.port, b"srvr"))

    def plant(self, vms: int, version: int) -> str:
        """Put a demo cluster below a root of its own, and return how to connect to it."""
        self.heal()
        root = f"/faults{next(_numbers)}"
        schema = ZKSchema(version)
        client = KazooClient(self.hosts)
        client.start(timeout=30)
        client.create(root)
        client.stop()
        client.close()
        with ZKHandler(self.hosts + root, timeout=30) as handler:
            ops = [Op("create", schema.path(key) or "", value.encode()) for key, value in cluster(vms, schema)]
            for start in range(0, len(ops), 3000):
                handler.store.commit(ops[start : start + 3000])
        return self.hosts + root

    def dump(self, hosts: str) -> dict[str, bytes]:
        """Every znode of a tree that outlives its session, through a session that has seen all."""
        client = KazooClient(hosts)
        client.start(timeout=30)
        client.sync("/")
        found: dict[str, bytes] = {}
        level = ["/"]
        while level:
            answers = [(path, client.get_async(path), client.get_children_async(path)) for path in level]
            level = []
            for path, value, names in answers:
                data, stat = value.get()
                if not stat.ephemeralOwner:
                    found[path] = data
                    level += [f"{path.rstrip('/')}/{name}" for name in names.get()]
        client.stop()
        client.close()
        return found


def ask(port: int, word: bytes) -> str:
    """Ask a server one of its four-letter words."""
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.sendall(word)
        return connection.makefile("rb").read().decode()


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    trio = Trio(tmp_path_factory.mktemp("trio"))
    yield trio
    trio.ensemble.stop()


@dataclass
class Run:
    """A run of pvc in a process of its own."""

    process: subprocess.Popen[str]
    pipe: int

    def wait_until_busy(self) -> int:
        """Wait until it is in the middle of its work, and return the port of its server."""
        assert select.select([self.pipe], [], [], 60)[0], "it never came so far"
        return int(os.read(self.pipe, 100).split()[0])

    def end(self) -> tuple[int, str, int]:
        """Wait for its end; return exit code, error output, and how many transactions it made."""
        _, errors = self.process.communicate(timeout=120)
        count = int(os.read(self.pipe, 100).split()[0])
        os.close(self.pipe)
        return self.process.returncode, errors, count


def start(hosts: str, command: str, *, at: int = 0, patience: int = PATIENCE) -> Run:
    pipe, other = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.driver", str(other), str(at), str(patience), hosts, *command.split()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(other,),
    )
    os.close(other)
    return Run(process, pipe)


@dataclass
class Work:
    """Something to be disturbed: a tree to do it on, the command, and what it leaves undisturbed."""

    command: str
    vms: int
    version: int
    transactions: int = 0
    expected: dict[str, bytes] = field(default_factory=dict)

    def measure(self, trio: Trio) -> None:
        """Do it once, undisturbed."""
        hosts = trio.plant(self.vms, self.version)
        code, errors, self.transactions = start(hosts, self.command).end()
        assert code == 0, errors
        self.expected = trio.dump(hosts)
        assert self.transactions >= 10


@pytest.fixture(scope="module")
def works(trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Work]:
    backup = tmp_path_factory.mktemp("backup") / "backup.json"
    hosts = trio.plant(30, 0)
    assert start(hosts, f"cluster backup {backup}").end()[0] == 0
    claims = " ; ".join(
        f"sriov vf claim pvchv{node} ens1f1v{vf} {vm}-0{node}"
        for node in (1, 2, 3)
        for vf, vm in enumerate(("web", "app", "db", "cache"))
    )
    works = {
        "tags": Work("vm tag add --all faulted -p", 200, 15),
        "upgrade": Work("schema upgrade --yes --no-backup", 30, 0),
        "restore": Work(f"cluster restore {backup} --yes --no-backup --force", 30, 15),
        "claims": Work(claims, 30, 15),
    }
    for work in works.values():
        work.measure(trio)
    return works


@pytest.mark.parametrize("number", range(REPEATS))
@pytest.mark.parametrize("name", ["tags", "upgrade", "restore", "claims"])
@pytest.mark.parametrize("fault", [*FAULTS, TOO_LONG])
def test_a_fault_in_the_middle_is_survived_or_said_and_a_second_run_finishes(
    trio: Trio, works: dict[str, Work], table: Table, fault: str, name: str, number: int
) -> None:
    work = works[name]
    hosts = trio.plant(work.vms, work.version)
    at = 1 + (2 * number + 1) * work.transactions // (2 * REPEATS)
    patience = 4 if fault == TOO_LONG else PATIENCE
    run = start(hosts, work.command, at=at, patience=patience)
    trio.strike(fault, run.wait_until_busy())
    struck = time.monotonic()
    code, errors, _ = run.end()
    seconds = time.monotonic() - struck
    trio.heal()
    wrong, lost = [], []
    if code == 0:
        lost += different(trio.dump(hosts), work.expected)
    elif code not in (4, 5) or last_line(errors).count("Error: ") != 1 or "Traceback" in errors:
        wrong.append(f"exit {code}: {errors}")
    code_again, errors_again, _ = start(hosts, work.command).end()
    if code_again:
        wrong.append(f"second run: exit {code_again}: {errors_again}")
    wrong += different(trio.dump(hosts), work.expected)
    table.note(
        fault,
        "finished" if code == 0 else "refused cleanly",
        *(["lost"] if lost else []),
        *(["wrong"] if wrong else []),
        seconds=seconds,
    )
    # A change and the look whether it was made may each wait that long, and the rest of the work takes its time.
    assert seconds < 2 * patience + 5
    assert not lost
    assert not wrong


def different(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    return [path for path in sorted({*found, *expected}) if found.get(path) != expected.get(path)][:5]


def last_line(text: str) -> str:
    return text.splitlines()[-1] if text else ""


@pytest.mark.parametrize("fault", FAULTS)
def test_an_idle_agent_survives_and_applies_what_comes_after(
    trio: Trio, table: Table, fault: str, tmp_path: Path
) -> None:
    hosts = trio.plant(10, 15)
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
            trio.heal()
            vlan = 100 + number
            set_vlan(hosts, vlan)
            wait_for(lambda vlan=vlan: all(kernel.actual("ens1f0", n).vlan_id == vlan for n in range(4)), tmp_path)  # type: ignore[misc]
            assert agent.poll() is None
            table.note(fault, "finished")
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
        inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    ports = {server.port for server in trio.ensemble.servers}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[2].partition(":")[2], 16)
        if fields[9] in inodes and port in ports:
            return port
    raise AssertionError("the agent is connected to no server")


def wait_for(met: Callable[[], bool], folder: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, (folder / "log").read_text()
        time.sleep(0.02)
