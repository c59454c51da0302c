"""Measure pvc against reading one znode at a time, side by side in one run, and put the table into the README.

Three ways to read the same tree through the same code: *one by one* waits for every reply before it asks the next,
as PVC's own library does; *pipelined* sends all requests at once; *pvc* is the real thing, with `multiRead`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from kazoo.client import KazooClient

from pvc_cli.cluster import bulk, tags
from pvc_cli.cluster.roster import Limits, find, select
from pvc_cli.cluster.vms import read_vms
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.migration.run import migrate
from pvc_cli.zk.store import Lock, LockKind, Op, Read, ReadResult, Store

ROOT = Path(__file__).parents[1]
SIZES = (1_000, 10_000)
WAYS = ("one by one", "pipelined", "pvc")
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
_PROCESS_RUNS = 40


class OneByOne:
    """A store that waits for each reply before it asks the next."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def fetch(self, reads: Sequence[Read]) -> list[ReadResult]:
        """Read one znode after the other."""
        return [self._store.fetch([read])[0] for read in reads]

    def commit(self, ops: Sequence[Op]) -> None:
        """Commit: there is but one way."""
        self._store.commit(ops)

    def lock(self, kind: LockKind, path: str) -> Lock:
        """Lock as the store does."""
        return self._store.lock(kind, path)


@dataclass(frozen=True)
class Row:
    """One measurement in all three ways: seconds each, the median of several runs."""

    what: str
    vms: int
    seconds: dict[str, float]


@contextmanager
def handler_for(way: str, hosts: str) -> Iterator[ZKHandler]:
    """Connect a handler that reads in one of the three ways."""
    with ZKHandler(hosts, multiread=way == "pvc") as connected:
        handler = ZKHandler.over(OneByOne(connected.store)) if way == "one by one" else connected
        _ = handler.schema
        yield handler


def timed(action: Callable[[], object]) -> float:
    """Return how long *action* takes, in seconds."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def list_all(handler: ZKHandler) -> None:
    """Do what `pvc vm list` does: find all VMs and read all of each, its XML parsed."""
    read_vms(handler, [vm.uuid for vm in select(handler, Limits())])


def tag_one(handler: ZKHandler, name: str) -> None:
    """Do what `pvc vm tag add NAME bench` does."""
    bulk.run(handler, find(handler, [name]), tags.adding(handler, ["bench"]))


def untag_one(handler: ZKHandler, name: str) -> None:
    """Undo :func:`tag_one`, between two runs of it."""
    bulk.run(handler, find(handler, [name]), tags.removing(handler, ["bench"]))


def measure(vms: int) -> list[Row]:
    """Measure on a sandbox of *vms* VMs."""
    listing: dict[str, float] = {}
    tagging: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, Ensemble(Path(folder), heap="4g") as ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=vms, schema=ZKSchema())
        for way in WAYS:
            runs = 5 if way == "pvc" else (3 if vms <= 1_000 else 1)
            with handler_for(way, ensemble.hosts) as handler, ZKHandler(ensemble.hosts) as other:
                listing[way] = statistics.median(timed(lambda: list_all(handler)) for _ in range(runs))
                times = []
                for _ in range(runs):
                    times.append(timed(lambda: tag_one(handler, "web-50")))
                    untag_one(other, "web-50")
                tagging[way] = statistics.median(times)
    return [Row("list all VMs", vms, listing), Row("add a tag by VM name", vms, tagging)]


def upgrade_one_by_one(client: Any, items: Mapping[str, Sequence[str]], schema: ZKSchema) -> None:  # noqa: ANN401
    """Upgrade as PVC's own library applies a schema: ask for each key of each item, create what is missing."""
    for group in ("base", *items):
        for item in items.get(group, [""]):
            for key, definition in schema.keys_of(group):
                path = schema.path((key, item) if item else key)
                if not client.exists(path):
                    client.create(path, definition.default.encode())
    client.set("/schema/version", str(schema.version).encode())


def measure_upgrade(vms: int) -> Row:
    """Measure an upgrade from version 0 to the newest, in both ways on a tree of its own each."""
    schema, old = ZKSchema(), ZKSchema(0)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, Ensemble(Path(folder), heap="4g") as ensemble:
        client = KazooClient(ensemble.hosts)
        client.start()
        for way in ("one by one", "pvc"):
            client.chroot = ""
            root = f"/{way.replace(' ', '-')}"
            client.create(root)
            client.chroot = root
            with ZKHandler(ensemble.hosts + root) as handler:
                fill(handler, vms=vms, schema=old)
                if way == "pvc":
                    seconds[way] = timed(partial(migrate, handler, schema))
                    continue
                groups = {"node": "/nodes", "domain": "/domains", "network": "/networks", "osd": "/ceph/osds"}
                items = {group: client.get_children(top) for group, top in groups.items()}
                seconds[way] = timed(partial(upgrade_one_by_one, client, items, schema))
        client.stop()
        client.close()
    return Row("upgrade the schema, 0 to 15", vms, seconds)


def start_up() -> dict[str, float]:
    """Return the median seconds of whole processes, run in turns so that they share the machine's moods."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "pvc_cli"], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    commands = {
        "import click": [sys.executable, "-c", "import click"],
        "pvc --version": [str(Path(sys.executable).with_name("pvc")), "--version"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_PROCESS_RUNS):
        for name, command in commands.items():
            times[name].append(
                timed(partial(subprocess.run, command, env=environment, capture_output=True, check=True))
            )
    return {name: statistics.median(values) for name, values in times.items()}


def table(rows: Sequence[Row], processes: dict[str, float]) -> str:
    """Return the README's table: ratios, never bare times."""
    lines = [
        "| | VMs | one znode at a time | pipelined | `pvc` |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        base = row.seconds["one by one"]
        ratios = [f"{base / row.seconds[way]:.0f} × as fast" if way in row.seconds else "" for way in WAYS[1:]]
        lines.append(f"| {row.what} | {row.vms:,} | 1 | {' | '.join(ratios)} |")
    ratio = processes["pvc --version"] / processes["import click"]
    versions = f"kazoo {metadata.version('kazoo')}, Python {platform.python_version()}"
    lines += [
        "",
        f"`pvc --version` takes {ratio:.2f} times as long as `python -c 'import click'`, as whole processes.",
    ]
    lines += ["", f"One ZooKeeper server and one client on {os.cpu_count()} cores of one machine; {versions}."]
    return "\n".join(lines)


def main() -> None:
    """Measure everything, print the table, keep the figures, and bring the README up to date."""
    rows = [row for vms in SIZES for row in (*measure(vms), measure_upgrade(vms))]
    processes = start_up()
    text = table(rows, processes)
    print(text)
    results = {"rows": [row.__dict__ for row in rows], "processes": processes}
    (ROOT / "benchmarks" / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
