"""A connection that is lost before a request arrives, or after it is done: nothing lost, done twice, misreported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pvc_cli.errors import OutcomeUnknownError, PvcError, UnreachableError
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import Op, ReplacedError
from tests.conftest import Pvc, Tree, without_daemons
from tests.integration.proxy import EXISTS, GET_ACL, MULTI, Fault, Proxy
from tests.waiting import wait_until


@pytest.fixture(name="demo")
def stopped_demo(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    return without_daemons(demo)


Make = Callable[..., Tree]
COMMANDS = {
    "tag add": (15, ["vm tag add web-01 blue -p"]),
    "tag update": (15, ["vm tag add web-01 production -p"]),
    "tag remove": (15, ["vm tag remove web-01 production"]),
    "bulk tags": (15, ["vm tag add --all blue -o json"]),
    "vf set": (15, ["sriov vf set pvchv1 ens1f0v* --vlan-id 7 --trust -o json"]),
    "claim": (15, ["sriov vf claim pvchv1 ens1f0v1 web-01 --type hostdev -o json"]),
    "release": (15, ["sriov vf release pvchv1 ens1f0v0 --force -o json"]),
    "audit": (15, ["sriov vf claim pvchv1 ens1f0v1 web-01", "sriov vf audit --fix -o json"]),
    "upgrade": (0, ["schema upgrade --yes --no-backup"]),
    "rollback": (15, ["schema rollback --to 3 --yes --no-backup"]),
    "apply": (15, ["schema apply"]),
    "restore": (15, ["cluster restore {backup} --yes --no-backup"]),
}


@pytest.fixture
def proxy(server: Ensemble) -> Iterator[Proxy]:
    proxy = Proxy(server.servers[0].port)
    yield proxy
    proxy.close()


def put_back(tree: Tree, wanted: dict[str, bytes]) -> None:
    """Make the tree what it was, without the code under test."""
    transaction = tree.client.transaction()
    for path in sorted(tree.dump().keys() - {"/"}, reverse=True):
        transaction.delete(path)
    for path in sorted(wanted.keys() - {"/"}):
        transaction.create(path, wanted[path])
    assert not [result for result in transaction.commit() if isinstance(result, Exception)]


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_lost_connection_changes_neither_tree_nor_report(
    pvc: Pvc, demo: Make, proxy: Proxy, tmp_path: Path, kind: str, fault: Fault
) -> None:
    version, commands = COMMANDS[kind]
    tree = demo(vms=10, version=version)
    backup = tmp_path / "backup.json"
    assert pvc("--coordinators", tree.hosts, "cluster", "backup", str(backup)).code == 0
    if kind == "apply":
        tree.client.delete(f"/domains/{tree.uuid('web-01')}/snapshots")
    if kind == "restore":
        tree.client.delete(f"/domains/{tree.uuid('web-01')}", recursive=True)
    *earlier, command = [text.format(backup=backup).split() for text in commands]
    for words in earlier:
        assert pvc("--coordinators", tree.hosts, *words).code == 0
    before = tree.dump()
    undisturbed = pvc("--coordinators", tree.hosts, *command)
    after = tree.dump()
    assert undisturbed.code == 0
    assert after != before
    put_back(tree, before)
    proxy.strike(MULTI, fault)
    disturbed = pvc("--coordinators", f"{proxy.hosts}/{tree.hosts.partition('/')[2]}", *command)
    assert proxy.struck == 1
    assert disturbed == undisturbed
    assert tree.dump() == after


def test_the_check_sees_a_store_that_takes_the_lost_for_done(
    zk: ZKHandler, tree: Tree, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: what is tested above would not go unnoticed."""
    monkeypatch.setattr(LiveStore, "_was_applied", lambda *_: True)
    uuid = tree.uuid("web-01")
    with ZKHandler(f"{proxy.hosts}/{tree.hosts.partition('/')[2]}") as handler:
        assert handler.schema.version == 15
        proxy.strike(MULTI, "before")
        handler.write([(("domain.state", uuid), "changed")])
    assert tree.client.get(f"/domains/{uuid}/state")[0] == b"start"


@pytest.mark.parametrize(
    ("command", "rival"),
    [
        ("vm tag add web-01 blue", lambda tree, vm: tree.client.delete(f"{vm}/tags/blue", recursive=True)),
        ("vm tag add web-01 production -p", lambda tree, vm: tree.put(f"{vm}/tags/production/protected", b"False")),
    ],
    ids=["removed again", "changed again"],
)
def test_what_another_client_changed_before_we_looked_is_not_done_twice(
    pvc: Pvc,
    tree: Tree,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    rival: Callable[[Tree, str], None],
) -> None:
    vm = f"/domains/{tree.uuid('web-01')}"
    after_rival: dict[str, bytes] = {}
    look = LiveStore._was_applied

    def look_late(store: LiveStore, *arguments: Any) -> bool:  # noqa: ANN401
        rival(tree, vm)
        after_rival.update(tree.dump())
        return look(store, *arguments)

    monkeypatch.setattr(LiveStore, "_was_applied", look_late)
    proxy.strike(MULTI, "after")
    result = pvc("--coordinators", f"{proxy.hosts}/{tree.hosts.partition('/')[2]}", *command.split())
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    assert "its outcome is unknown because another client has changed the same znodes since" in result.err
    assert tree.dump() == after_rival


@pytest.mark.parametrize("command", ["vm tag add web-01 blue", "vm tag add web-01 production -p"])
def test_what_did_not_arrive_is_sent_again_although_others_change_other_things(
    pvc: Pvc, tree: Tree, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    look = LiveStore._was_applied

    def look_late(store: LiveStore, *arguments: Any) -> bool:  # noqa: ANN401
        tree.put("/config/maintenance", b"true")
        return look(store, *arguments)

    monkeypatch.setattr(LiveStore, "_was_applied", look_late)
    proxy.strike(MULTI, "before")
    assert pvc("--coordinators", f"{proxy.hosts}/{tree.hosts.partition('/')[2]}", *command.split()).code == 0


@pytest.fixture
def over_proxy(tree: Tree, proxy: Proxy) -> Iterator[ZKHandler]:
    with ZKHandler(f"{proxy.hosts}/{tree.hosts.partition('/')[2]}", lock_timeout=3) as handler:
        yield handler


def test_a_znode_that_was_created_again_is_noticed_although_the_reply_was_lost(
    over_proxy: ZKHandler, tree: Tree, proxy: Proxy
) -> None:
    key = ("domain.profile", tree.uuid("web-01"))
    path = f"/domains/{tree.uuid('web-01')}/profile"
    tree.client.delete(path)
    tree.put(path, b"read")
    transaction = over_proxy.transaction()
    transaction.ensure(key, over_proxy.get_znodes([key])[0], "ours")
    tree.client.delete(path)
    tree.put(path, b"theirs")
    proxy.strike(MULTI, "after")
    with pytest.raises(ReplacedError, match="profile was deleted and created again"):
        transaction.commit()


def test_a_lock_that_is_released_without_a_connection_is_not_kept(
    over_proxy: ZKHandler, tree: Tree, proxy: Proxy
) -> None:
    """The session survives, and its contender would with it."""
    with over_proxy.exclusivelock("base.schema.version"):
        cut = proxy.cut()
        cut.__enter__()
        wait_until(lambda: not over_proxy._require_connection().client.connected)
    cut.__exit__(None, None, None)
    wait_until(lambda: tree.client.get_children("/schema/version") == [])
    with over_proxy.exclusivelock("base.schema.version"):
        pass


def test_a_connection_that_is_lost_before_a_restore_is_waited_for(
    pvc: Pvc, demo: Make, proxy: Proxy, tmp_path: Path
) -> None:
    tree = demo()
    backup = tmp_path / "b.json"
    assert pvc("--coordinators", tree.hosts, "cluster", "backup", str(backup)).code == 0
    before = tree.dump()
    tree.client.delete("/nodes/pvchv1/ipmihostname", recursive=True)
    tree.client.delete("/nodes/pvchv1/ipmipassword", recursive=True)
    proxy.strike(GET_ACL, "before")
    hosts = f"{proxy.hosts}/{tree.hosts.partition('/')[2]}"
    result = pvc("--coordinators", hosts, "cluster", "restore", str(backup), "--yes", "--no-backup")
    assert (result.code, proxy.struck) == (0, 1), result.err
    assert tree.dump() == before


def test_a_connection_that_is_lost_once_does_not_make_a_value_too_large(
    over_proxy: ZKHandler, tree: Tree, proxy: Proxy
) -> None:
    """The servers hang up on what is too large, each time."""
    store = over_proxy.store
    assert isinstance(store, LiveStore)
    proxy.strike(EXISTS, "before")
    assert store._request_size.accepts(100_000)
    assert not store._request_size.accepts(2_000_000)


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (UnreachableError("no server answered"), "no server answered"),
        (OutcomeUnknownError("its outcome is unknown"), "not changed: the connection was lost"),
    ],
    ids=["unreachable", "unknown"],
)
def test_what_was_done_before_the_cluster_was_lost_is_told(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, error: PvcError, left: str
) -> None:
    commit, calls = LiveStore.commit, iter(range(100))

    def fail(store: LiveStore, ops: Sequence[Op]) -> None:
        if next(calls):
            raise error
        commit(store, ops)

    monkeypatch.setattr(LiveStore, "commit", fail)
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 5)
    result = on_tree("vm", "tag", "add", "web-01,web-02,lab-01", "blue", "-o", "json")
    assert result.code == 4
    document = json.loads(result.out)
    assert document["counts"] == {"changed": 1, "unchanged": 0, "refused": 0, "failed": 2}
    assert [item["reason"] for item in document["items"] if item["status"] == "failed"] == [str(error), left]
    (made,) = [item["name"] for item in document["items"] if item["status"] == "changed"]
    assert "blue" in tree.client.get_children(f"/domains/{tree.uuid(made)}/tags")
