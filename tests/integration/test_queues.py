"""`pvc cluster locks`: who holds PVC's locks, who waits, and what is stuck."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.cluster.locks import list_locks
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, round_trips
from tests.waiting import wait_until

STUCK = f"{'0' * 32}__lock__0000000000"


@pytest.fixture
def client(tree: Tree) -> Iterator[KazooClient]:
    """Another client, such as one of PVC's daemons."""
    client = KazooClient(tree.hosts)
    client.start()
    yield client
    client.stop()
    client.close()


def locks(pvc: Pvc) -> dict[tuple[str, str | None], list[dict[str, object]]]:
    result = pvc("cluster", "locks", "-o", "json")
    assert result.code == 0, result.err
    return {(lock["key"], lock["item"]): lock["queue"] for lock in json.loads(result.out)}


def test_nobody_holds_a_lock(on_tree: Pvc) -> None:
    result = on_tree("cluster", "locks")
    assert (result.code, result.out, result.err) == (0, "", "Nobody holds a lock.\n")
    assert on_tree("cluster", "locks", "-o", "json").out == "[]\n"


def test_a_holder_and_one_who_waits_are_told_apart(on_tree: Pvc, tree: Tree, client: KazooClient) -> None:
    path = f"/domains/{tree.uuid('web-01')}/state"
    holder, waiter = client.Lock(path, "pvc, ann@hv1"), client.Lock(path, "pvc, ben@hv2")
    holder.acquire()
    waiting = threading.Thread(target=waiter.acquire)
    waiting.start()
    try:
        wait_until(lambda: len(client.get_children(path)) == 2, 10)
        queue = locks(on_tree)["domain.state", "web-01"]
        assert [(place["who"], place["holds"], place["stuck"]) for place in queue] == [
            ("pvc, ann@hv1", True, False),
            ("pvc, ben@hv2", False, False),
        ]
        assert all(abs(time.time() - float(str(place["since"]))) < 60 for place in queue)
        table = on_tree("cluster", "locks").out.splitlines()
        assert table[0].split() == ["LOCK", "VM", "WHO", "STATE", "SINCE"]
        assert "holds" in table[1]
        assert re.search(r"UTC \(\d+ s ago\)$", table[1])
        assert "waits" in table[2]
        assert on_tree("cluster", "locks", "-o", "name").out == "domain.state web-01\n"
    finally:
        holder.release()
        waiting.join(10)
        waiter.release()


def test_readers_share_and_a_writer_behind_them_may_hold_or_wait(
    on_tree: Pvc, tree: Tree, client: KazooClient
) -> None:
    readers = [client.ReadLock("/schema/version", name) for name in ("first", "second")]
    for reader in readers:
        reader.acquire()
    exclusive = client.Lock("/schema/version", "pvc")
    exclusive.acquire()  # kazoo's plain lock does not look at readers
    queue = locks(on_tree)["base.schema.version", None]
    assert [(place["shared"], place["holds"]) for place in queue] == [(True, True), (True, True), (False, None)]
    assert "holds or waits" in on_tree("cluster", "locks").out


def test_a_stuck_place_is_marked_and_the_way_out_is_named(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/config/primary_node/sync_lock/{STUCK}", b"")
    result = on_tree("cluster", "locks")
    assert (result.code, "stuck" in result.out) == (0, True)
    assert result.err == "What is stuck belongs to no session: remove it with 'pvc schema apply --prune'.\n"
    (place,) = locks(on_tree)["base.config.primary_node.sync_lock", None]
    assert (place["stuck"], place["session"], place["who"]) == (True, None, None)


def test_a_hostile_holder_reaches_no_terminal(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/config/fence_lock/{STUCK}", b"\x1b[2Jme")
    result = on_tree("cluster", "locks")
    assert "\x1b" not in result.out
    assert "\\x1b[2Jme" in result.out


def test_two_thousand_vms_take_a_handful_of_batches(demo: Callable[..., Tree]) -> None:
    tree = demo(2000)
    tree.put(f"/domains/{tree.uuid('web-01')}/migrate_sync_lock/{STUCK}", b"")
    with ZKHandler(tree.hosts) as handler:
        _ = handler.schema
        before = round_trips(handler)
        (lock,) = list_locks(handler)
        assert round_trips(handler) - before <= 4
    assert lock.name == "domain.migrate.sync_lock web-01"


def test_version_0_and_a_backup_have_locks_too(pvc: Pvc, demo: Callable[..., Tree], tmp_path: Path) -> None:
    tree = demo(version=0)
    tree.put(f"/config/primary_node/sync_lock/{STUCK}", b"")
    result = pvc("--coordinators", tree.hosts, "cluster", "locks", "-o", "name")
    assert (result.code, result.out) == (0, "base.config.primary_node.sync_lock\n")
    file = tmp_path / "backup.json"
    assert pvc("--coordinators", tree.hosts, "cluster", "backup", str(file)).code == 0
    result = pvc("-c", f"file:{file}", "cluster", "locks")
    assert (result.code, result.out) == (0, "")
