from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.errors import LockError, PvcError
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.names import is_contender
from tests.conftest import Tree
from tests.waiting import wait_until

KEY = "base.config.primary_node.sync_lock"
PATH = "/config/primary_node/sync_lock"


@pytest.mark.parametrize("kind", ["readlock", "writelock", "exclusivelock"])
def test_a_lock_on_a_key_that_does_not_exist_fails_at_once_and_creates_nothing(
    zk: ZKHandler, tree: Tree, kind: str
) -> None:
    before = tree.dump()
    with pytest.raises(LockError, match="cannot lock /domains/gone/migrate_sync_lock: it does not exist"):
        getattr(zk, kind)(("domain.migrate.sync_lock", "gone"))
    assert tree.dump() == before


def test_a_lock_whose_key_goes_before_it_is_taken_fails_and_creates_nothing(zk: ZKHandler, tree: Tree) -> None:
    lock = zk.writelock(KEY)
    tree.client.delete(PATH)
    with pytest.raises(LockError, match="does not exist"):
        lock.acquire()
    assert not tree.client.exists(PATH)


@pytest.mark.parametrize("kind", ["readlock", "writelock", "exclusivelock"])
def test_a_lock_leaves_nothing_behind(zk: ZKHandler, tree: Tree, kind: str) -> None:
    with getattr(zk, kind)(KEY):
        (contender,) = tree.client.get_children(PATH)
        assert is_contender(contender)
    assert tree.client.get_children(PATH) == []


def test_a_lock_that_is_tried_names_who_has_it_and_waits_for_nobody(zk: ZKHandler, tree: Tree) -> None:
    with ZKHandler(tree.hosts, lock_holder="somebody") as other:
        theirs = other.exclusivelock(KEY)
        assert (theirs.try_acquire(), theirs.is_held()) == ("", True)
        ours = zk.exclusivelock(KEY)
        started = time.monotonic()
        assert (ours.try_acquire(), ours.is_held()) == ("somebody", False)
        assert time.monotonic() - started < 1
        assert ours.holders() == "somebody"
        theirs.release()
        assert (ours.holders(), ours.try_acquire()) == ("", "")
        assert not theirs.is_held()
    assert ours.is_held()
    (contender,) = tree.client.get_children(PATH)
    tree.client.delete(f"{PATH}/{contender}")
    assert not ours.is_held()


@pytest.mark.parametrize(
    ("ours", "theirs", "excluded"),
    [
        ("writelock", "WriteLock", True),
        ("writelock", "ReadLock", True),
        ("readlock", "WriteLock", True),
        ("readlock", "ReadLock", False),
        ("exclusivelock", "Lock", True),
        ("exclusivelock", "WriteLock", True),
    ],
)
def test_our_locks_and_those_of_pvcs_daemons_keep_each_other_out(
    tree: Tree, ours: str, theirs: str, excluded: bool
) -> None:
    with ZKHandler(tree.hosts, lock_timeout=0.5) as handler:
        daemon = getattr(tree.client, theirs)(PATH, "pvcnoded on hv1")
        daemon.acquire()
        lock = getattr(handler, ours)(KEY)
        if excluded:
            with pytest.raises(LockError, match=re.compile(r"within 0.5 s: held by pvcnoded on hv1")):
                lock.acquire()
        else:
            with lock:
                pass
        daemon.release()
        with lock:
            assert getattr(tree.client, theirs)(PATH).acquire(blocking=False) is not excluded


def test_a_waiting_lock_is_had_when_its_holder_goes(zk: ZKHandler, tree: Tree) -> None:
    holder = KazooClient(tree.hosts)
    holder.start()
    holder.WriteLock(PATH).acquire()
    taken = threading.Event()

    def take() -> None:
        with zk.exclusivelock(KEY):
            taken.set()

    waiter = threading.Thread(target=take)
    waiter.start()
    assert not taken.wait(0.3)
    holder.stop()
    holder.close()
    assert taken.wait(5)
    waiter.join()


def test_a_lock_counts_its_holders_one_at_a_time(tree: Tree) -> None:
    counted: list[int] = []

    def count(make: Callable[[], ZKHandler]) -> None:
        with make() as handler:
            for _ in range(10):
                with handler.writelock(KEY):
                    value = int(handler.read("base.config.upstream_ip") or 0)
                    handler.write([("base.config.upstream_ip", str(value + 1))])
                    counted.append(value)

    tree.put("/config/upstream_ip", b"0")
    threads = [threading.Thread(target=count, args=(lambda: ZKHandler(tree.hosts),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == list(range(40))


@pytest.mark.usefixtures("zookeeper")
def test_servers_that_die_keep_nobody_waiting_for_a_lock_or_its_release(tmp_path: Path) -> None:
    said: list[str] = []
    with (
        Ensemble(tmp_path / "server") as ensemble,
        ZKHandler(ensemble.hosts, timeout=2, on_event=said.append) as handler,
    ):
        fill(handler, vms=2, schema=ZKSchema())
        free = handler.writelock("base.schema.version")
        with handler.exclusivelock(KEY):
            ensemble.stop()
            wait_until(lambda: said[-1].startswith("Lost the connection"))
            started = time.monotonic()
        assert time.monotonic() - started < 1
        started = time.monotonic()
        with pytest.raises(PvcError):
            free.acquire()
        assert time.monotonic() - started < 5
