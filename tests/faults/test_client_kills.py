"""pvc, killed with SIGKILL at every transaction of every command, and what a second run makes of it."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.sandbox.server import Ensemble
from tests.conftest import sessions
from tests.faults.trio import dump, end
from tests.faults.works import WORKS, Work, different, works
from tests.integration.test_kills import Driver
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("zookeeper")


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    with Ensemble(tmp_path_factory.mktemp("server")) as ensemble:
        yield ensemble


@pytest.fixture
def client(ensemble: Ensemble) -> Iterator[KazooClient]:
    client = KazooClient(ensemble.hosts)
    client.start()
    yield client
    end(client)


@pytest.mark.parametrize("moment", ["during", "after"])
@pytest.mark.parametrize("name", WORKS)
def test_a_command_that_is_killed_at_any_transaction_is_finished_by_a_second_run(
    ensemble: Ensemble, client: KazooClient, tmp_path: Path, name: str, moment: str
) -> None:
    """Killed while a transaction is on its way, or right after."""
    work = works(tmp_path)[name]
    driver = Driver(str(work.chunk), *work.command.split())
    roots = (f"/{name.replace(' ', '-')}-{moment}-{number}" for number in itertools.count())

    def plant(work: Work) -> str:
        work.plant(client, root := next(roots))
        return root

    undisturbed = plant(work)
    assert driver.run(ensemble.hosts + undisturbed) == 0
    expected = dump(client, undisturbed)
    before = sessions(ensemble.hosts)

    # Until a run gets through unharmed: then there are no more transactions.
    killed: list[str] = []
    for number in itertools.count(1):
        root = plant(work)
        status = driver.run(ensemble.hosts + root, number, moment)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        killed.append(root)
    assert len(killed) >= 8

    # The last killed holders' locks go with their sessions.
    wait_until(lambda: sessions(ensemble.hosts) <= before)
    wrong = []
    for number, root in enumerate(killed, 1):
        status = driver.run(ensemble.hosts + root)
        if status or (paths := different(dump(client, root), expected)):
            wrong.append(f"killed at {number}: exit {status}, {paths}")
    driver.close()
    assert not wrong, "\n".join(wrong)
    print(f"\n{name}, killed {moment} its transaction {len(killed)} times: each finished by a second run")
