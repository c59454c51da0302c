"""Fixtures: a real ZooKeeper for the whole run, a tree of its own for every test, and pvc run in-process."""

from __future__ import annotations

import io
import itertools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import pytest
from coverage import Coverage
from hypothesis import settings
from kazoo.client import KazooClient

from pvc_cli import app
from pvc_cli.output import person
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.live import LiveStore
from tests.reading import Reader
from tests.waiting import wait_until

_numbers = itertools.count()
_UNMARKED = "/the/test/lacks/the/fixture/zookeeper"

# The same examples in every run, so that a failure is a change's and not chance's; `make explore` looks further.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile("same")


def examples(count: int) -> settings:
    """Try *count* examples, or as many times more as the profile tries by default."""
    return settings(max_examples=count * settings().max_examples // 100)


def pytest_configure() -> None:
    """End a terminated run as an interrupted one, so that no server outlives it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let pytest-cov measure a worker once: what was begun there before would go on under ``no_cover``."""
    if hasattr(session.config, "workerinput"):
        while measuring := Coverage.current():
            measuring.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a ZooKeeper server: those that use the fixture, themselves or through another."""
    for item in items:
        if "zookeeper" in getattr(item, "fixturenames", ()):
            item.add_marker("server")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hide ZooKeeper from a test without the mark: it, and what it runs, then fails where it starts a server."""
    if item.get_closest_marker("server"):
        return (yield)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ZOOKEEPER_HOME", _UNMARKED)
        return (yield)


@dataclass(frozen=True)
class Result:
    """What a run of pvc gave."""

    code: int
    out: str
    err: str


class Pvc(Protocol):
    def __call__(self, *arguments: str, stdin: str = "") -> Result: ...


class Tree:
    """A test's own tree, seen without the code under test: paths and bytes."""

    def __init__(self, client: KazooClient, hosts: str) -> None:
        self.client = client
        self.hosts = hosts

    def dump(self, top: str = "/") -> dict[str, bytes]:
        """Every znode below *top* with its value."""
        with Reader(self.hosts.partition("/")[0]) as reader:
            found = reader.tree(self.client.chroot + top.rstrip("/"))
        return {f"{top.rstrip('/')}{path}".rstrip("/") or "/": value for path, value in found.items()}

    def put(self, path: str, value: bytes = b"") -> None:
        """Create or set a znode, with its parents."""
        self.client.ensure_path(path)
        self.client.set(path, value)

    def uuid(self, name: str) -> str:
        """The UUID of the VM called *name*."""
        for uuid in self.client.get_children("/domains"):
            if self.client.get(f"/domains/{uuid}")[0].decode() == name:
                return str(uuid)
        raise AssertionError(f"the demo cluster has no VM {name}")


def changes_between(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, bytes | None]:
    """The paths whose values differ, with what is there after; None for one that is gone."""
    paths = before.keys() | after.keys()
    return {path: after.get(path) for path in paths if before.get(path) != after.get(path)}


def round_trips(handler: ZKHandler) -> int:
    """How often *handler* waited for the servers so far."""
    assert isinstance(handler.store, LiveStore)
    return handler.store.round_trips


@pytest.fixture(scope="session")
def zookeeper() -> None:
    """Let a test start ZooKeeper servers; whatever starts one asks for this, and so gets the mark `server`."""


@pytest.fixture(scope="session")
def server(zookeeper: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """One real ZooKeeper server for the whole run, or for each of the processes that share it."""
    # A thousand trees stay in it until the end: with room, and without writing them all down every now and then.
    room = max(8 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), 2)
    ensemble = Ensemble(tmp_path_factory.mktemp("zookeeper"), heap=f"{room}g")
    ensemble.servers[0].settings["snapCount"] = "1000000000"
    with ensemble:
        yield ensemble


def sessions(hosts: str) -> int:
    """How many sessions the server at *hosts* has; asking opens none."""
    host, _, port = hosts.partition("/")[0].partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"mntr")
        lines = connection.makefile().read().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("zk_global_sessions")))


@pytest.fixture
def empty(server: Ensemble) -> Iterator[Tree]:
    """An empty tree, below a path of its own on the common server."""
    chroot = f"/test{next(_numbers)}"
    client = KazooClient(server.hosts)
    client.start()
    client.create(chroot)
    client.chroot = chroot
    yield Tree(client, server.hosts + chroot)
    client.stop()
    client.close()


@pytest.fixture
def demo(empty: Tree) -> Callable[..., Tree]:
    """Fill the test's tree with a demo cluster."""

    def make(vms: int = 20, version: int | None = None) -> Tree:
        with ZKHandler(empty.hosts) as handler:
            fill(handler, vms=vms, schema=ZKSchema(version))
        return empty

    return make


def without_daemons(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    """Return *demo*, with the nodes' daemons stopped: what changes the whole tree is refused while they run."""

    def make(vms: int = 20, version: int | None = None) -> Tree:
        tree = demo(vms, version)
        for node in tree.client.get_children("/nodes"):
            tree.client.set(f"/nodes/{node}/daemonstate", b"stop")
        return tree

    return make


@pytest.fixture
def tree(demo: Callable[..., Tree]) -> Tree:
    """The test's tree, filled with a demo cluster of 20 VMs at the newest schema version."""
    return demo()


@pytest.fixture
def zk(tree: Tree) -> Iterator[ZKHandler]:
    """A connected handler on the demo cluster."""
    with ZKHandler(tree.hosts) as handler:
        yield handler


@pytest.fixture
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let snapshots grow no older between two runs of a test."""
    monkeypatch.setattr("pvc_cli.cluster.vms.documents.time", SimpleNamespace(time=lambda: 1_800_000_000.0))


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Check that no test leaves a session open: its thread would go on and disturb others."""
    before = set(threading.enumerate())
    yield
    # A client that was given up may hang in connect() as long as its session.
    wait_until(lambda: before.issuperset(threading.enumerate()), 15, lambda: f"left: {threading.enumerate()}")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the files and the environment of whoever runs it."""
    for variable in ("PVC_CONNECTION", "PVC_COORDINATORS", "PVC_CONFIG_FILE", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PVC_PAGER", "cat")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setattr("pvc_cli.connections.node_config.PVC_CONFIG", folder / "no" / "pvc.conf")
    return folder


@pytest.fixture
def pvc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Pvc:
    """Run pvc in this process, as a script would that no terminal belongs to."""
    monkeypatch.setattr(person, "_TERMINAL", Path("/nonexistent"))

    def run(*arguments: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        monkeypatch.setattr(sys, "argv", ["pvc", *arguments])
        capsys.readouterr()
        try:
            code = app.main(arguments)
        except SystemExit as end:  # how Click ends a completion
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def on_tree(pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Pvc:
    """Run pvc on the demo cluster."""
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    return pvc
