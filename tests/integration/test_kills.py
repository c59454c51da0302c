"""pvc, killed with SIGKILL at every transaction of an upgrade, and what a second run makes of it."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache

import pytest
from kazoo.client import KazooClient

from pvc_cli.sandbox.demo import cluster
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.store import Op
from tests.conftest import Tree

UPGRADE = ("schema", "upgrade", "--yes", "--no-backup")
MOMENTS = ("during", "after")
MOST = 200


class Driver:
    """Runs pvc in processes that are killed; see kill_driver."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.kill_driver", *arguments],
            # Coverage is not the point here, and would take most of the time.
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, hosts: str, number: int = 0, moment: str = "-") -> int:
        """Run pvc on the tree at *hosts* and return its exit status."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{hosts} {number} {moment}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver(*UPGRADE)
    yield driver
    driver.close()


@cache
def planting(version: int) -> list[Op]:
    """Return what makes an empty tree the demo cluster."""
    schema = ZKSchema(version)
    return [Op("create", schema.path(key) or "", value.encode()) for key, value in cluster(20, schema)]


def plant(server: Ensemble, roots: Sequence[str], version: int) -> None:
    """Put the same demo cluster below each of *roots*."""
    ops = planting(version)
    client = KazooClient(server.hosts)
    client.start()
    for root in roots:
        client.create(root)
    client.stop()
    client.close()
    for root in roots:
        with ZKHandler(server.hosts + root) as handler:
            handler.store.commit(ops)


def test_an_upgrade_that_is_killed_at_any_transaction_is_finished_by_a_second_one(
    server: Ensemble, empty: Tree, driver: Driver
) -> None:
    name = empty.hosts.partition("/")[2]
    plant(server, [f"/{name}-whole"], version=0)
    whole = Tree(empty.client, f"{server.hosts}/{name}-whole")
    empty.client.chroot = f"/{name}-whole"
    assert driver.run(whole.hosts) == 0
    undisturbed = whole.dump()

    # Every transaction, killed while it is on its way and right after, until a run gets through unharmed.
    killed: list[str] = []
    for number in itertools.count(1):
        roots = [f"/{name}-{number}-{moment}" for moment in MOMENTS]
        plant(server, roots, version=0)
        statuses = {
            driver.run(server.hosts + root, number, moment) for root, moment in zip(roots, MOMENTS, strict=True)
        }
        if statuses == {0}:
            break
        assert statuses == {-signal.SIGKILL}
        killed += roots
    assert len(killed) >= MOST

    # The last killed holders' locks go with their sessions.
    time.sleep(6)
    for root in killed:
        assert driver.run(server.hosts + root) == 0, root
        empty.client.chroot = root
        assert empty.dump() == undisturbed, root
    print(f"killed {len(killed)} times, {len(killed)} trees as an undisturbed run leaves them")
