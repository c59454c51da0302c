"""What was decided before a question or a lock is judged again under the lock: nothing else is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.errors import ConflictError, LockError, RefusedError, SchemaError
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.backup import read_backup, stream_backup
from pvc_cli.zk.migration.locked import Hooks
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan
from pvc_cli.zk.migration.restore import Restoration
from tests.conftest import Pvc, Tree, without_daemons

CONTENDER = "0123456789abcdef0123456789abcdef__lock__0000000000"


@pytest.fixture(name="demo")
def stopped_demo(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    return without_daemons(demo)


@pytest.fixture
def empty_tree(empty: Tree) -> Tree:
    """A tree that nothing was ever written to."""
    return empty


def upgrade_by_another(tree: Tree) -> None:
    """Upgrade to the newest version, and snapshot a VM there."""
    with ZKHandler(tree.hosts) as handler:
        Migration.upgrade(handler, force=True).carry_out()
    tree.put(f"/domains/{tree.uuid('web-01')}/snapshots/before/timestamp", b"1795577433.98")


def test_an_upgrade_that_was_confirmed_for_another_version_is_not_done(demo: Callable[..., Tree]) -> None:
    tree = demo(version=5)
    with (
        ZKHandler(tree.hosts) as handler,
        pytest.raises(ConflictError, match="was 5 when this was planned, is 15 now: rerun the same command"),
    ):
        Migration.upgrade(handler, 10).carry_out(Hooks(confirm=lambda _: upgrade_by_another(tree)))
    assert tree.client.get("/schema/version")[0] == b"15"
    assert tree.client.exists(f"/domains/{tree.uuid('web-01')}/snapshots/before/timestamp")


def test_an_apply_that_waited_never_sets_the_version_back(demo: Callable[..., Tree]) -> None:
    tree = demo(version=5)
    tree.client.delete(f"/domains/{tree.uuid('web-02')}/state")
    with ZKHandler(tree.hosts) as handler:
        for apply in (
            lambda: Migration.apply(handler).carry_out(Hooks(confirm=lambda _: upgrade_by_another(tree))),
            lambda: wait_out(handler, tree),
        ):
            tree.put("/schema/version", b"5")
            with pytest.raises(ConflictError, match="was 5 when this was planned, is 15 now"):
                apply()
            assert tree.client.get("/schema/version")[0] == b"15"


def wait_out(handler: ZKHandler, tree: Tree) -> None:
    """Begin an apply that waits for the lock while another client upgrades."""
    other = KazooClient(tree.hosts)
    other.start()
    lock = other.Lock("/schema/version")
    lock.acquire()

    def upgrade(_text: str) -> None:
        lock.release()
        upgrade_by_another(tree)

    try:
        Migration.apply(handler).carry_out(Hooks(on_wait=upgrade))
    finally:
        other.stop()
        other.close()


def test_a_version_that_was_set_back_and_forth_is_another_one(demo: Callable[..., Tree]) -> None:
    tree = demo(version=9)

    def rival(_plan: object) -> None:
        tree.put("/schema/version", b"10")
        tree.put("/schema/version", b"9")

    with ZKHandler(tree.hosts) as handler, pytest.raises(ConflictError, match="is 9 now and was set again meanwhile"):
        Migration.upgrade(handler).carry_out(Hooks(confirm=rival))


def test_a_node_that_comes_back_with_old_software_stops_an_upgrade(demo: Callable[..., Tree]) -> None:
    tree = demo(version=9)
    before = tree.dump()
    with ZKHandler(tree.hosts) as handler, pytest.raises(SchemaError, match="node pvchv2 knows only version 9"):
        Migration.upgrade(handler).carry_out(Hooks(confirm=lambda _: tree.put("/nodes/pvchv2/latestschema", b"9")))
    assert tree.dump() == before | {"/nodes/pvchv2/latestschema": b"9"}


def test_a_node_that_comes_back_between_two_transactions_stops_it_before_the_version_is_set(
    demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 20)
    tree = demo(version=9)
    with ZKHandler(tree.hosts) as handler, pytest.raises(SchemaError, match="node pvchv2 knows only version 9"):
        Migration.upgrade(handler).carry_out(
            Hooks(between_chunks=lambda: tree.put("/nodes/pvchv2/latestschema", b"9"))
        )
    assert tree.client.get("/schema/version")[0] == b"9"


def test_a_rollback_deletes_no_more_than_was_announced(demo: Callable[..., Tree]) -> None:
    tree = demo()
    snapshot = f"/domains/{tree.uuid('web-01')}/snapshots/later"

    def rival(plan: object) -> None:
        tree.put(f"{snapshot}/timestamp", b"1795577433.98")

    moments: list[Hooks[Plan]] = [Hooks(confirm=rival), Hooks(on_plan=rival)]
    for hooks in moments:
        with ZKHandler(tree.hosts) as handler, pytest.raises(ConflictError, match="more items would be lost than"):
            Migration.rollback(handler, 13).carry_out(hooks)
        assert tree.client.exists(f"{snapshot}/timestamp")
        tree.client.delete(snapshot, recursive=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda handler: Migration.rollback(handler, 13), "pvchv1 know version 15 and would set it again within a"),
        (lambda handler: Restoration(handler, read_backup(handler) | {"/faults": b"x"}), "run on pvchv1: they write"),
    ],
    ids=["rollback", "restore"],
)
def test_daemons_that_run_stop_what_they_would_undo(
    demo: Callable[..., Tree], change: Callable[[ZKHandler], Migration], reason: str
) -> None:
    tree = demo()
    tree.put("/nodes/pvchv1/daemonstate", b"run")
    before = tree.dump()
    with ZKHandler(tree.hosts) as handler:
        with pytest.raises(RefusedError, match=reason):
            change(handler).carry_out()
        assert tree.dump() == before
        forced = change(handler)
        forced.force = True
        warned: list[str] = []
        forced.carry_out(Hooks(on_warning=warned.append))
        assert reason in warned[0]
        assert "--force" not in warned[0]


def test_an_upgrade_to_less_than_all_running_daemons_know_is_refused(demo: Callable[..., Tree]) -> None:
    tree = demo(version=9)
    tree.put("/nodes/pvchv1/daemonstate", b"run")
    with ZKHandler(tree.hosts) as handler:
        with pytest.raises(RefusedError, match="would set it again within a second"):
            Migration.upgrade(handler, 12).carry_out()
        # Where one node knows no more than the target, they do not.
        tree.put("/nodes/pvchv2/latestschema", b"12")
        Migration.upgrade(handler, 12).carry_out()


def test_a_rollback_sets_what_the_stopped_daemons_start_with(demo: Callable[..., Tree]) -> None:
    tree = demo()
    tree.client.delete("/nodes/pvchv2/activeschema")
    with ZKHandler(tree.hosts) as handler:
        plan = Migration.rollback(handler, 13)
        assert {change.path for change in plan.plan().changes() if change.action == "set"} >= {
            "/schema/version",
            "/nodes/pvchv1/activeschema",
        }
        plan.carry_out()
    assert [tree.client.get(f"/nodes/pvchv{n}/activeschema")[0] for n in (1, 2, 3)] == [b"13"] * 3
    modified = {tree.client.get(path)[1].mzxid for path in ("/schema/version", "/nodes/pvchv3/activeschema")}
    assert len(modified) == 1


# Restores


@pytest.mark.parametrize(
    "text",
    ["{}", '{"/schema/version": "15"}', '{"/nodes": "", "/domains": "", "/config": ""}'],
)
@pytest.mark.parametrize("option", ["--yes", "--dry-run"])
def test_what_is_not_the_backup_of_a_whole_tree_is_refused(
    on_tree: Pvc, tree: Tree, tmp_path: Path, text: str, option: str
) -> None:
    before = tree.dump()
    file = tmp_path / "backup.json"
    file.write_text(text)
    result = on_tree("cluster", "restore", str(file), option)
    assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)
    assert "is not the backup of a whole PVC tree: it lacks /" in result.err
    assert tree.dump() == before


def test_a_restore_asks_the_nodes_whether_they_know_the_backups_version(
    on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    file = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(file))
    on_tree("schema", "rollback", "--to", "3", "--yes")
    tree.put("/nodes/pvchv2/latestschema", b"3")
    result = on_tree("cluster", "restore", str(file), "--yes")
    assert (result.code, "would stop PVC on some nodes: node pvchv2 knows only version 3" in result.err) == (1, True)
    assert tree.client.get("/schema/version")[0] == b"3"


def test_a_restore_keeps_what_daemons_report_and_backs_up_what_was_there(
    on_tree: Pvc, tree: Tree, tmp_path: Path, home: Path
) -> None:
    file = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(file))
    own = {"latestschema": b"16", "activeschema": b"15", "keepalive": b"1800000000", "runningdomains": b"a b"}
    for name, value in own.items():
        tree.put(f"/nodes/pvchv1/{name}", value)
    tree.put("/config/maintenance", b"true")
    before = tree.dump()
    result = on_tree("cluster", "restore", str(file), "--yes")
    assert result.code == 0, result.err
    assert {name: tree.client.get(f"/nodes/pvchv1/{name}")[0] for name in own} == own
    (backup,) = (home / "state" / "pvc" / "backups").iterdir()
    assert json.loads(backup.read_text()) == {path: value.decode() for path, value in before.items()}
    assert json.loads(file.read_text())["/config/maintenance"].encode() == tree.client.get("/config/maintenance")[0]


def test_at_no_moment_of_a_restore_is_there_less_than_before_or_after(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 40)
    with ZKHandler(tree.hosts) as handler:
        backup = read_backup(handler)
        tree.client.delete("/domains", recursive=True)
        tree.put("/domains/new/state", b"start")
        before, seen = set(tree.dump()), []
        Restoration(handler, backup).carry_out(
            Hooks(between_chunks=lambda: seen.append({p for p in tree.dump() if "__lock__" not in p}))
        )
    assert len(seen) > 5
    grown = max(seen, key=len)
    assert grown >= before | set(backup)
    for moment in seen:
        assert moment >= before or moment >= set(backup)


def test_a_backup_without_a_version_is_version_0(
    pvc: Pvc, demo: Callable[..., Tree], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = demo(version=0)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    file = tmp_path / "backup.json"
    pvc("cluster", "backup", str(file))
    document = json.loads(file.read_text())
    del document["/schema/version"]
    file.write_text(json.dumps(document))
    before = tree.dump()
    pvc("schema", "upgrade", "--to", "3", "--yes")
    assert pvc("cluster", "restore", str(file), "--yes").code == 0
    assert tree.dump() == before


def test_a_masked_secret_is_never_restored_as_a_mask(
    on_tree: Pvc, pvc: Pvc, tree: Tree, empty_tree: Tree, tmp_path: Path
) -> None:
    vm = f"/domains/{tree.uuid('web-01')}"
    xml = b"<domain><devices><graphics type='vnc' port='5900' passwd='hunter2' listen='::'/></devices></domain>"
    tree.put(f"{vm}/xml", xml)
    tree.put(f"{vm}/description", b"********")
    file = tmp_path / "backup.json"
    on_tree("cluster", "backup", "--mask-secrets", str(file))
    document = json.loads(file.read_text())
    assert "hunter2" not in file.read_text()
    assert document[f"{vm}/xml"] == xml.decode().replace("hunter2", "********")
    before = tree.dump()
    tree.put(f"{vm}/description", b"changed")
    tree.put(f"{vm}/xml", xml.replace(b"::", b"127.0.0.1"))
    assert on_tree("cluster", "restore", str(file), "--yes").code == 0
    assert tree.dump() == before
    for path in (f"{vm}/xml", "/nodes/pvchv1/ipmipassword"):
        tree.client.delete(path)
    result = on_tree("cluster", "restore", str(file), "--yes")
    assert "2 secrets are masked in the backup and unknown to the cluster: they are left empty" in result.err
    assert tree.client.get("/nodes/pvchv1/ipmipassword")[0] == b""
    assert tree.client.get(f"{vm}/xml")[0] == xml.replace(b"hunter2", b"")


# Other people's locks


@pytest.fixture
def lock(tree: Tree) -> Iterator[object]:
    """A lock of PVC's daemons on a key that only the newest version has."""
    client = KazooClient(tree.hosts)
    client.start()
    lock = client.Lock("/config/fence_lock", "pvcnoded on pvchv1")
    lock.acquire()
    yield lock
    client.stop()
    client.close()


def test_a_lock_that_is_held_is_not_deleted_with_its_key(on_tree: Pvc, tree: Tree, lock: object) -> None:
    (contender,) = tree.client.get_children("/config/fence_lock")
    for arguments in (("schema", "rollback", "--to", "14", "--yes", "--no-backup"),):
        result = on_tree(*arguments)
        assert result.code == 5
        assert f"cannot delete /config/fence_lock/{contender}: another client holds or awaits that lock" in result.err
    with ZKHandler(tree.hosts) as handler:
        with pytest.raises(LockError, match="another client holds or awaits that lock"):
            handler.delete(["base.config.fence_lock"])
        with pytest.raises(LockError, match="another client holds or awaits that lock"):
            handler.rename([("base.config.fence_lock", "base.config.upstream_ip")])
    assert tree.client.get_children("/config/fence_lock") == [contender]


def test_lock_contenders_in_a_backup_of_pvcs_are_left_out(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(file))
    document = json.loads(file.read_text())
    for path in ("/schema/version", "/config/primary_node/sync_lock"):
        document[f"{path}/{CONTENDER}"] = "pvcnoded on pvchv1"
    file.write_text(json.dumps(document))
    before = tree.dump()
    tree.put("/config/maintenance", b"true")
    assert on_tree("cluster", "restore", str(file), "--yes").code == 0
    assert tree.dump() == before
    assert on_tree("-c", f"file:{file}", "schema", "validate", "-o", "name").out == ""


def test_a_stuck_lock_is_reported_named_and_removed(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    paths = [f"/schema/version/{CONTENDER}", f"/config/primary_node/sync_lock/{CONTENDER}"]
    for path in paths:
        tree.put(path, b"pvcnoded on pvchv1")
    result = on_tree("schema", "validate", "-o", "json")
    assert (result.code, json.loads(result.out)["stuck_locks"]) == (1, sorted(paths))
    result = on_tree("cluster", "status")
    assert "the lock on /schema/version is stuck" in result.out
    result = on_tree("schema", "upgrade", "--yes")
    assert (result.code, result.err.count("\n")) == (5, 1)
    assert f"the lock on /schema/version is stuck: {CONTENDER} belongs to no session" in result.err
    assert "pvc schema apply --prune" in result.err
    assert on_tree("schema", "apply", "--prune", "--yes").code == 0
    assert tree.dump() == before


# Other people's trees


@pytest.mark.parametrize("force", ["--yes", "--into-foreign"])
def test_a_tree_of_others_is_not_initialised_unless_that_is_said(
    pvc: Pvc, empty_tree: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, force: str
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", empty_tree.hosts)
    empty_tree.put("/kafka/brokers")
    before = empty_tree.dump()
    for words in (("schema", "upgrade", "--yes"), ("schema", "rollback", "--to", "0", "--yes")):
        refused = pvc(*words)
        assert (refused.code, empty_tree.dump()) == (1, before)
        assert "this tree has no PVC schema, but holds /kafka: check the chroot" in refused.err
    result = pvc("schema", "apply", force)
    if force == "--into-foreign":
        assert (result.code, empty_tree.client.get("/schema/version")[0]) == (0, b"15")
        return
    assert (result.code, empty_tree.dump()) == (1, before)
    assert "this tree has no PVC schema, but holds /kafka: check the chroot" in result.err


def test_a_restore_leaves_the_trees_of_others_alone(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    for path in ("/kafka/offset", "/kafka/gone"):
        tree.put(path, b"1")
    assert on_tree("cluster", "backup", str(tmp_path / "b.json")).code == 0
    tree.client.set("/kafka/offset", b"2")
    tree.client.delete("/kafka/gone")
    tree.client.delete(f"/domains/{tree.uuid('web-01')}/state")
    result = on_tree("cluster", "restore", str(tmp_path / "b.json"), "--yes", "--no-backup")
    assert result.code == 0
    assert "Warning: left out /kafka: not PVC's" in result.err
    assert tree.client.exists(f"/domains/{tree.uuid('web-01')}/state")
    assert (tree.client.get("/kafka/offset")[0], tree.client.get_children("/kafka")) == (b"2", ["offset"])


@pytest.mark.parametrize("state", ["comes back", "joins"])
@pytest.mark.parametrize("change", ["upgrade", "restore"])
def test_a_node_that_appears_while_the_backup_is_written_is_judged(
    demo: Callable[..., Tree], tmp_path: Path, change: str, state: str
) -> None:
    """A backup may take minutes, between the judgement of the nodes and the first change."""
    tree = demo(version=9)
    node = "pvchv1" if state == "comes back" else "pvchv9"

    def appear(_: Path) -> None:
        for key, value in (("", b"coordinator"), ("/latestschema", b"9"), ("/daemonstate", b"run")):
            tree.put(f"/nodes/{node}{key}", value)

    with ZKHandler(tree.hosts) as handler:
        backup = read_backup(handler)
        changes: dict[str, Migration | Restoration] = {
            "upgrade": Migration.upgrade(handler, 15),
            "restore": Restoration(handler, backup | {"/config/maintenance": b"true"}),
        }
        with pytest.raises((SchemaError, RefusedError), match=rf"{node}.*changes made so far are kept"):
            changes[change].carry_out(Hooks(backup=tmp_path / "b.json", on_backup=appear))
    assert tree.client.get("/schema/version")[0] == b"9"


@pytest.mark.parametrize("done", range(1, 8))
def test_a_restore_onto_an_empty_tree_can_be_run_again(
    demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """No daemon runs where the backup's ran; wherever it stopped, even in the middle of a node."""
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 200)
    tree = demo()
    tree.put("/nodes/pvchv1/daemonstate", b"run")
    with ZKHandler(tree.hosts) as handler:
        backup = read_backup(handler)
    for name in tree.client.get_children("/"):
        tree.client.delete(f"/{name}", recursive=True)
    chunks = 0

    def interrupt() -> None:
        nonlocal chunks
        chunks += 1
        if chunks > done:
            raise KeyboardInterrupt

    with ZKHandler(tree.hosts) as handler:
        with pytest.raises(KeyboardInterrupt):
            Restoration(handler, backup).carry_out(Hooks(between_chunks=interrupt))
        Restoration(handler, backup).carry_out()
    assert tree.dump() == backup | {f"/nodes/pvchv{n}/daemonstate": b"stop" for n in (1, 2, 3)}


def test_a_restore_overwrites_no_more_than_was_announced(demo: Callable[..., Tree]) -> None:
    tree = demo()
    with ZKHandler(tree.hosts) as handler:
        backup = read_backup(handler)
        tree.client.set("/config/maintenance", b"true")

        def rival(_: object) -> None:
            tree.client.set(f"/domains/{tree.uuid('web-01')}/state", b"disable")

        with pytest.raises(ConflictError, match="1 more items would be lost than announced"):
            Restoration(handler, backup).carry_out(Hooks(confirm=rival))
    assert tree.client.get(f"/domains/{tree.uuid('web-01')}/state")[0] == b"disable"


def test_a_tree_that_another_began_meanwhile_is_not_begun_again(empty_tree: Tree, demo: Callable[..., Tree]) -> None:
    """Both are version 0 while they have none, but its nodes know no more."""

    def rival(_: object) -> None:
        for path, value in (("/schema/version", b"0"), ("/nodes/hv1/latestschema", b"0")):
            empty_tree.put(path, value)

    with ZKHandler(empty_tree.hosts) as handler, pytest.raises(ConflictError, match="rerun the same command to plan"):
        Migration.apply(handler, 15).carry_out(Hooks(confirm=rival))
    assert empty_tree.client.get("/schema/version")[0] == b"0"


def test_what_is_refused_leaves_nothing_behind(demo: Callable[..., Tree]) -> None:
    tree = demo(version=0)
    tree.client.delete("/schema/version")
    tree.put("/nodes/pvchv1/latestschema", b"9")
    before = tree.dump()
    with ZKHandler(tree.hosts) as handler, pytest.raises(SchemaError, match="pvchv1 knows only version 9"):
        Migration.upgrade(handler, 15).carry_out()
    assert tree.dump() == before


def test_a_backup_is_of_one_version_or_refused(demo: Callable[..., Tree], tmp_path: Path) -> None:
    tree = demo()
    with ZKHandler(tree.hosts) as handler:
        pairs = stream_backup(handler)
        next(pairs)
        tree.client.set("/schema/version", b"14")
        with pytest.raises(ConflictError, match="the schema version changed while the tree was read"):
            list(pairs)


def test_the_newest_schema_is_not_needed_to_be_refused(zk: ZKHandler) -> None:
    """A library user gets the same errors as a person."""
    with pytest.raises(RefusedError):
        Migration.upgrade(zk, 3)
    with pytest.raises(SchemaError):
        Migration.rollback(zk, 16)
    assert ZKSchema.newest() == zk.schema.version
