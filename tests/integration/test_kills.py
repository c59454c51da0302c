"""pvc, killed with SIGKILL at every transaction of an upgrade, and what a second run makes of it."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from kazoo.client import KazooClient

from pvc_cli.sandbox.demo import cluster
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.store import Op
from tests.conftest import Pvc, Tree, sessions, without_daemons
from tests.integration.driven import Driven
from tests.waiting import wait_until


@pytest.fixture(name="demo")
def stopped_demo(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    return without_daemons(demo)


UPGRADE = ("schema", "upgrade", "--yes", "--no-backup")
PARTS = 4
LEAST = 25


class Driver(Driven):
    """Runs pvc in processes that are killed; see kill_driver."""

    def __init__(self, *arguments: str) -> None:
        super().__init__("tests.integration.kill_driver", *arguments)

    def run(self, hosts: str, number: int = 0, moment: str = "-") -> int:
        """Run pvc on the tree at *hosts* and return its exit status."""
        return int(self.ask(f"{hosts} {number} {moment}"))


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver("1", *UPGRADE)
    yield driver
    driver.close()


@cache
def planting(version: int) -> list[Op]:
    """Return what makes an empty tree the demo cluster."""
    schema = ZKSchema(version)
    return [Op("create", schema.path(key) or "", value.encode()) for key, value in cluster(20, schema)]


def plant(server: Ensemble, root: str, version: int) -> None:
    """Put the demo cluster below *root*."""
    client = KazooClient(server.hosts)
    client.start()
    client.create(root)
    client.stop()
    client.close()
    with ZKHandler(server.hosts + root) as handler:
        handler.store.commit(planting(version))


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("moment", ["during", "after"])
def test_an_upgrade_that_is_killed_at_any_transaction_is_finished_by_a_second_one(
    server: Ensemble, empty: Tree, driver: Driver, moment: str, part: int
) -> None:
    """Killed while a transaction is on its way, or right after; each part does every fourth transaction."""
    name = empty.hosts.partition("/")[2]
    plant(server, f"/{name}-whole", version=0)
    whole = Tree(empty.client, f"{server.hosts}/{name}-whole")
    empty.client.chroot = f"/{name}-whole"
    assert driver.run(whole.hosts) == 0
    undisturbed = whole.dump()

    before = sessions(server.hosts)

    # Until a run gets through unharmed: then there are no more transactions.
    killed: list[str] = []
    for number in itertools.count(1 + part, PARTS):
        root = f"/{name}-{number}"
        plant(server, root, version=0)
        status = driver.run(server.hosts + root, number, moment)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        killed.append(root)
    assert len(killed) >= LEAST

    # The last killed holders' locks go with their sessions.
    wait_until(lambda: sessions(server.hosts) <= before)
    for root in killed:
        assert driver.run(server.hosts + root) == 0, root
        empty.client.chroot = root
        assert empty.dump() == undisturbed, root
    print(f"killed {len(killed)} times, {len(killed)} trees as an undisturbed run leaves them")


def test_the_same_command_right_after_a_kill_waits_for_the_killed_ones_lock(
    server: Ensemble, empty: Tree, driver: Driver, pvc: Pvc
) -> None:
    """Its session, and with it its lock, lives on for ten seconds: longer than that, a lock is waited for."""
    name = empty.hosts.partition("/")[2]
    plant(server, f"/{name}-killed", version=0)
    hosts = f"{server.hosts}/{name}-killed"
    assert driver.run(hosts, 3, "after") == -signal.SIGKILL
    result = pvc("--coordinators", hosts, *UPGRADE)
    assert result.code == 0, result.err
    assert "Waiting 30 s for the lock on /schema/version, held by pvc, " in result.err
    assert "Schema version is now 15" in result.err
