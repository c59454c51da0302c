"""Start and stop the model's processes, and read what they say."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


class Said(NamedTuple):
    """A line of the daemons' log; *at* in seconds."""

    at: float
    node: str
    words: str


class Daemons:
    """The node daemons of the cluster at *hosts*, for the time of a ``with`` block."""

    def __init__(self, hosts: str, folder: Path) -> None:
        self.hosts = hosts
        self.since = time.time()
        self._log = folder / "daemons.log"
        self._log.touch()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Daemons:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(*self._processes)

    def start(self, *nodes: str, knows: int) -> None:
        """Start the daemons of *nodes*, all at once."""
        for node in nodes:
            command = [sys.executable, "-m", "tests.pvc.node_daemon", self.hosts, node]
            given = ["--knows", str(knows), "--log", str(self._log), "--since", str(self.since)]
            self._processes[node] = subprocess.Popen([*command, *given], stdin=subprocess.PIPE, cwd=ROOT)

    def stop(self, *nodes: str) -> None:
        """Stop the daemons of *nodes*, as an administrator does, and wait for their end."""
        processes = [self._processes.pop(node) for node in nodes]
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
            assert process.stdin
            process.stdin.close()

    @contextlib.contextmanager
    def paused(self, *nodes: str) -> Iterator[None]:
        """Suspend the daemons of *nodes* inside a ``with`` block."""
        for node in nodes:
            self._processes[node].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for node in nodes:
                self._processes[node].send_signal(signal.SIGCONT)

    def log(self, node: str = "") -> list[Said]:
        """Return what was said so far, by all or by *node*."""
        rows = (line.split("\t") for line in self._log.read_text().splitlines())
        said = [Said(float(at), name, words) for at, name, words in rows]
        return [line for line in said if node in ("", line.node)]

    def wait_for(self, words: str, *nodes: str, after: float = 0) -> None:
        """Wait until each of *nodes* has said *words*, later than *after* seconds."""

        def lacking() -> list[str]:
            return [
                node for node in nodes if not any(words in said.words and said.at > after for said in self.log(node))
            ]

        wait_until(lambda: not lacking(), 30, lambda: f"{lacking()} never said {words!r}: {self.log()}")

    @property
    def now(self) -> float:
        """How many seconds have passed on the log's clock."""
        return time.time() - self.since


@contextlib.contextmanager
def held(hosts: str, lock: str, *item: str) -> Iterator[None]:
    """Have a process of its own hold one of PVC's locks inside a ``with`` block."""
    command: Sequence[str] = [sys.executable, "-m", "tests.pvc.holder", hosts, lock, *item]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"\n"
        yield
