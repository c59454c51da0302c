"""Measure whole processes, side by side in one run: pvc, the same one znode at a time, and the floor."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks.cases import Case
from benchmarks.floor import recorder
from pvc_cli.cluster.vms.query import find
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema

ROOT = Path(__file__).parents[1]
PVC = (str(Path(sys.executable).with_name("pvc")),)
ONE_BY_ONE = (sys.executable, "-m", "benchmarks.one_by_one")
VM = "web-05"
_RUNS, _FEW_RUNS = 5, 2
_SETTINGS_OF_PYTHON = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""What would slow processes down: compiling at each start, and a write for each piece of output."""
_LONG = 8.0
"""Seconds from which on a command is measured less often."""


@dataclass(frozen=True)
class Row:
    """One command on one size of tree: seconds as the median of several runs, peak memory in bytes."""

    what: str
    vms: int
    seconds: float
    peak: int
    round_trips: int
    requests: int
    sent: int
    received: int
    floor: float
    """Seconds that the same bytes take over a bare socket."""
    one_by_one: float | None
    """Seconds, one znode at a time; None where nobody would wait for it."""


def run(command: Sequence[str], settings: Mapping[str, str] = MappingProxyType({})) -> tuple[float, int]:
    """Run *command* and return its seconds and its peak memory; it has to succeed.

    :param settings: further variables of its environment.
    """
    launcher = [sys.executable, "-S", "-E", str(ROOT / "benchmarks" / "timed.py"), *command]
    environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS_OF_PYTHON}
    process = subprocess.run(launcher, cwd=ROOT, env=environment | dict(settings), stdout=subprocess.PIPE, check=True)
    answer = json.loads(process.stdout)
    if answer["code"]:
        raise SystemExit(f"{' '.join(command)} ended with {answer['code']}")
    return answer["seconds"], answer["peak"]


class Bench:
    """One size of tree, in servers of its own below *folder*."""

    def __init__(self, folder: Path, vms: int) -> None:
        self._folder = folder
        self._vms = vms
        self._words = {"{name}": VM, "{file}": str(folder / "backup.json")}

    def rows(self, cases: Sequence[Case]) -> Iterator[Row]:
        """Measure *cases*."""
        with self._server("new", ZKSchema()) as ensemble:
            with ZKHandler(ensemble.hosts) as handler:
                self._words["{uuid}"] = find(handler, [VM])[0].uuid
            for case in cases:
                if not case.old_tree:
                    yield self._row(case, lambda: nullcontext(ensemble))
        shutil.rmtree(self._folder / "new")
        with self._server("old", ZKSchema(0)):
            pass
        for case in cases:
            if case.old_tree:
                yield self._row(case, self._copy)
        shutil.rmtree(self._folder / "old")

    @contextmanager
    def _server(self, name: str, schema: ZKSchema | None = None) -> Iterator[Ensemble]:
        """Run a server on the data in a folder; filled with a demo cluster, if a schema is given."""
        ensemble = Ensemble(self._folder / name, heap="12g")
        # What is written down now and then costs whoever happens to be measured then.
        ensemble.servers[0].settings["snapCount"] = "1000000000"
        with ensemble:
            if schema:
                with ZKHandler(ensemble.hosts) as handler:
                    fill(handler, vms=self._vms, schema=schema)
            yield ensemble

    @contextmanager
    def _copy(self) -> Iterator[Ensemble]:
        """Run a server on a copy of the old tree, equal each time down to the number of its next lock."""
        shutil.copytree(self._folder / "old", self._folder / "copy")
        try:
            with self._server("copy") as ensemble:
                yield ensemble
        finally:
            shutil.rmtree(self._folder / "copy")

    def _row(self, case: Case, place: Callable[[], AbstractContextManager[Ensemble]]) -> Row:
        command = [self._words.get(word, word) for word in case.command]
        packets = self._folder / "packets"
        with (
            self._turn(case, place) as ensemble,
            recorder(ensemble.servers[0].port, packets) as (hosts, recording),
        ):
            counted = [sys.executable, "-m", "benchmarks.counted", str(self._folder / "round-trips")]
            first, _ = run([*counted, "-q", "--coordinators", hosts, *command])
        times: list[float] = []
        floors: list[float] = []
        for _ in range(_RUNS if first < _LONG else _FEW_RUNS):
            with self._turn(case, place) as ensemble:
                seconds, peak = run([*PVC, "-q", "--coordinators", ensemble.hosts, *command])
                times.append(seconds)
            with self._turn(case, place) as ensemble:
                floors.append(self._python("floor.py", packets, ensemble.servers[0].port))
        slow = None
        if self._vms <= 10_000:
            with self._turn(case, place) as ensemble:
                slow, _ = run([*ONE_BY_ONE, "-q", "--coordinators", ensemble.hosts, *command])
        return Row(
            case.what,
            self._vms,
            statistics.median(times),
            peak,
            int((self._folder / "round-trips").read_text()),
            recording.requests,
            recording.sent,
            recording.received,
            statistics.median(floors),
            slow,
        )

    @contextmanager
    def _turn(self, case: Case, place: Callable[[], AbstractContextManager[Ensemble]]) -> Iterator[Ensemble]:
        """Give a server to whoever is measured, and take back what they did: it fails where they did nothing."""
        with place() as ensemble:
            yield ensemble
            if case.undo:
                run(
                    [
                        *PVC,
                        "-q",
                        "--coordinators",
                        ensemble.hosts,
                        *(self._words.get(word, word) for word in case.undo),
                    ]
                )

    @staticmethod
    def _python(script: str, *arguments: object) -> float:
        """Run one of this folder's scripts, which prints its own time: without its start-up."""
        command = [sys.executable, str(ROOT / "benchmarks" / script), *map(str, arguments)]
        return float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
