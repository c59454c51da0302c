"""Three servers, what can happen to them, and pvc at work on them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from pvc_cli.sandbox.server import Ensemble, Server, accepts_sessions
from tests.faults.works import RIVAL, Values, Work

SESSION = 4.0  # the shortest that these servers grant
PATIENCE = 15
UNANSWERED = "killed with a request"
FAULTS = (
    *("leader killed", "follower killed", "client's server killed", "client's server paused", "all restarted"),
    UNANSWERED,
)
TOO_LONG = "all away too long"
_numbers = iter(range(1_000_000))


class Trio:
    """Three servers, faults among them, and how to make them whole again."""

    def __init__(self, folder: Path) -> None:
        self.ensemble = Ensemble(folder, 3, heap="256m")
        self.ensemble.start()
        self.hosts = self.ensemble.hosts

    def strike(self, fault: str, port: int, run: Run | None = None) -> None:
        """Strike, while the client's server is that at *port*, and *run* waits before its transaction."""
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
        elif fault == UNANSWERED:
            clients.signal(signal.SIGSTOP)
            if run:
                run.go_on()
            time.sleep(0.2)
            clients.stop()
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

    def client(self) -> KazooClient:
        """Connect to whichever server answers."""
        client = KazooClient(self.hosts)
        client.start(timeout=30)
        return client

    def plant(self, work: Work) -> str:
        """Put the tree of *work* below a root of its own, and return the root."""
        self.heal()
        root = f"/faults{next(_numbers)}"
        client = self.client()
        work.plant(client, root)
        end(client)
        return root

    def dump(self, root: str) -> Values:
        """Return every znode that outlives its session, as a session sees it that has seen all."""
        client = self.client()
        client.sync("/")
        values = dump(client, root)
        end(client)
        return values


def end(client: KazooClient) -> None:
    client.stop()
    client.close()


def dump(client: KazooClient, root: str) -> Values:
    """Return every znode below *root* that outlives its session."""
    found: Values = {}
    level = [root]
    while level:
        answers = [(path, client.get_async(path), client.get_children_async(path)) for path in level]
        level = []
        for path, value, names in answers:
            data, stat = value.get()
            if not stat.ephemeralOwner:
                found[path.removeprefix(root)] = data
                level += [f"{path}/{name}" for name in names.get()]
    return found


def ask(port: int, word: bytes) -> str:
    """Ask a server one of its four-letter words."""
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.sendall(word)
        return connection.makefile("rb").read().decode()


class Rival:
    """A second client, which uses the gap: it creates something below each VM, and writes what is there again.

    The VMs' names, their tags' parents and the claims of VFs get new versions, and the same bytes.
    """

    def __init__(self, trio: Trio, root: str) -> None:
        self._client = trio.client()
        self._root = root
        self.done = threading.Event()
        vms = self._client.get_children(f"{root}/domains")
        self._created = [f"{root}/domains/{vm}/{RIVAL}" for vm in vms]
        self._touched = [f"{root}/domains/{vm}" for vm in vms]
        for node in self._client.get_children(f"{root}/nodes"):
            top = f"{root}/nodes/{node}/sriov/vf"
            if self._client.exists(top):
                self._touched += [f"{top}/{vf}/used" for vf in self._client.get_children(top)]

    def act(self) -> None:
        """Do it as soon as a server lets it, in a thread."""
        threading.Thread(target=self._act, daemon=True).start()

    def end(self) -> None:
        """Wait until it is done."""
        assert self.done.wait(60), "the second client was never served"
        end(self._client)

    def _act(self) -> None:
        for path in self._created:
            self._insist(partial(self._create, path))
        for path in self._touched:
            self._insist(partial(self._write_again, path))
        self.done.set()

    def _create(self, path: str) -> None:
        with contextlib.suppress(NodeExistsError, NoNodeError):
            self._client.create_async(path).get(timeout=5)

    def _write_again(self, path: str) -> None:
        with contextlib.suppress(NoNodeError):
            data, stat = self._client.get_async(path).get(timeout=5)
            self._client.set_async(path, data, stat.version).get(timeout=5)

    @staticmethod
    def _insist(do: Callable[[], object]) -> None:
        while True:
            try:
                do()
            except (KazooException, KazooTimeoutError):
                time.sleep(0.02)
            else:
                return


@dataclass
class Run:
    """A run of pvc in a process of its own."""

    process: subprocess.Popen[str]
    channel: socket.socket

    def wait_until_busy(self) -> int:
        """Wait until it is in the middle of its work, and return the port of its server."""
        assert select.select([self.channel], [], [], 60)[0], "it never came so far"
        return int(self.channel.recv(100).split()[0])

    def go_on(self) -> None:
        """Let it go on, if it is held."""
        self.channel.send(b"!")

    def end(self) -> tuple[int, str, int]:
        """Wait for its end; return exit code, error output, and how many transactions it made."""
        _, errors = self.process.communicate(timeout=120)
        count = int(self.channel.recv(100).split()[0])
        self.channel.close()
        return self.process.returncode, errors, count


def start(
    hosts: str, work: Work, *, at: int = 0, hold: bool = False, patience: int = PATIENCE, broken: bool = False
) -> Run:
    """Run the command of *work*; see the driver."""
    ours, its = socket.socketpair()
    words = (its.fileno(), at, int(hold), work.chunk, patience, int(broken), hosts, *work.command.split())
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.driver", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(its.fileno(),),
        env={name: value for name, value in os.environ.items() if not name.startswith("PVC_")},
    )
    its.close()
    return Run(process, ours)
