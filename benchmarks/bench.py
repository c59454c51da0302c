"""Measure pvc on trees of four sizes, and write down what came of it: JSON, tables and a plot.

What the words mean: *one by one* is the same pvc, waiting for each reply before it sends the next request, as PVC's
own library does. The *floor* is a bare socket that sends the very same bytes, reads the replies and looks at none.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from benchmarks.cases import CASES
from benchmarks.measure import PVC, ROOT, VM, Bench, Row, run
from benchmarks.plot import growth
from benchmarks.tables import TABS, Times, goals, page
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema

SIZES = (100, 1_000, 10_000, 100_000)
RESULTS = ROOT / "benchmarks" / "results.json"
_PROCESS_RUNS = 40
_TAB = {"_PVC_COMPLETE": "bash_complete", "PVC_BREAKS": " \"'=:"}
"""How the script for bash asks."""
_START_UP = "import pvc_cli.app, pvc_cli.commands.vm.tag.add, pvc_cli.zk.live, gc;gc.freeze()"


def processes() -> tuple[dict[str, float], str]:
    """Return the median seconds of whole processes, and the version of the server that they met."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "pvc_cli"], check=True)
    python = [sys.executable, "-c"]
    times, zookeeper = _in_turns(
        1_000,
        {
            "import click": [*python, "import click"],
            "import click, kazoo.client": [*python, "import click, kazoo.client"],
            "start-up": [*python, _START_UP],
            "pvc --version": [*PVC, "--version"],
            "pvc vm tag list VM": [*PVC, "vm", "tag", "list", VM],
        },
    )
    lines = {name: {**_TAB, "PVC_LINE": line} for name, line in TABS.items()}
    tab, _ = _in_turns(10_000, dict.fromkeys(TABS, PVC), lines)
    return times | tab, zookeeper


def _in_turns(
    vms: int, commands: Mapping[str, Sequence[str]], settings: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> tuple[dict[str, float], str]:
    """Return the median seconds of *commands* on a tree with *vms* VMs, and the version of its server.

    They are run in turns, so that they share the machine's moods.

    :param settings: variables of the environment, by command.
    """
    with tempfile.TemporaryDirectory() as folder, Ensemble(Path(folder)) as ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=vms, schema=ZKSchema())
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(_PROCESS_RUNS):
            for name, command in commands.items():
                cluster = {"PVC_COORDINATORS": ensemble.hosts}
                times[name].append(run(command, cluster | dict(settings.get(name, {})))[0])
        with socket.create_connection(("127.0.0.1", ensemble.servers[0].port)) as server:
            server.sendall(b"srvr")
            version = server.makefile().readline().partition(": ")[2].partition("-")[0].partition(",")[0]
    return {name: statistics.median(values) for name, values in times.items()}, version


def machine(zookeeper: str) -> dict[str, str]:
    """Return what it was measured on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = models[0].partition(":")[2].strip() if models else platform.machine()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    java = subprocess.run(["java", "-version"], stderr=subprocess.PIPE, text=True, check=True).stderr
    return {
        "processor": f"{processor}, {os.cpu_count()} cores",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{name: metadata.version(name) for name in ("click", "kazoo", "tabulate", "PyYAML")},
        "ZooKeeper": zookeeper,
        "Java": java.splitlines()[0].partition('"')[2].partition('"')[0],
        "servers": "one, on the same machine",
    }


def pages(rows: Sequence[Row], times: Times, where: Mapping[str, str]) -> dict[Path, str]:
    """Return each file that follows from the figures, with its text."""
    return {
        ROOT / "docs" / "benchmarks.md": page(rows, times, where),
        ROOT / "docs" / "growth.svg": growth(rows, times),
    }


def load() -> tuple[list[Row], dict[str, float], dict[str, str]]:
    """Return the figures of the last run: rows, times of whole processes, and the machine."""
    known = json.loads(RESULTS.read_text())
    return [Row(**row) for row in known["rows"]], known["processes"], known["machine"]


def main() -> None:
    """Measure everything, or, given ``--again``, write anew what follows from the figures there are."""
    if "--again" not in sys.argv:
        rows, times, where = measure()
        results = {"machine": where, "processes": times, "rows": [asdict(row) for row in rows]}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        print(goals(rows, times))
    for file, text in pages(*load()).items():
        file.write_text(text)


def measure() -> tuple[list[Row], dict[str, float], dict[str, str]]:
    """Return what :func:`load` does, measured now."""
    rows: list[Row] = []
    for vms in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            for row in Bench(Path(folder), vms).rows(CASES):
                print(f"{row.vms:>7,}  {row.what:25} {row.seconds:8.3f} s  floor {row.floor:7.3f} s", flush=True)
                rows.append(row)
    times, zookeeper = processes()
    return rows, times, machine(zookeeper)


if __name__ == "__main__":
    main()
