"""The schema engine on a real ZooKeeper: every version, every step between, and what goes wrong on the way."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.errors import ConflictError, LockError
from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.migration.locked import Hooks
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import make_plan
from tests.conftest import Pvc, Tree, round_trips, without_daemons
from tests.zk.test_schema import PVC_KEYS


@pytest.fixture(name="demo")
def stopped_demo(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    return without_daemons(demo)


@pytest.fixture
def on_empty(pvc: Pvc, empty: Tree, monkeypatch: pytest.MonkeyPatch) -> Pvc:
    """Run pvc on an empty tree."""
    monkeypatch.setenv("PVC_COORDINATORS", empty.hosts)
    return pvc


@pytest.mark.parametrize("version", range(16))
def test_an_empty_tree_gets_exactly_the_base_keys_of_a_version(on_empty: Pvc, empty: Tree, version: int) -> None:
    result = on_empty("schema", "apply", "--version", str(version), "--yes")
    assert result.code == 0, result.err
    expected = {
        row["path"]: b""
        for row in PVC_KEYS
        if row["key"].startswith("base.")
        and int(row["since"]) <= version
        and not (row["gone"] and int(row["gone"]) <= version)
    }
    assert empty.dump() == expected | {"/schema/version": str(version).encode()}
    assert on_empty("schema", "validate").code == 0


def test_an_empty_tree_begins_at_the_newest_version_unless_told_otherwise(on_empty: Pvc, empty: Tree) -> None:
    assert on_empty("schema", "apply", "--dry-run").code == 0
    assert empty.dump() == {"/": b""}
    assert on_empty("schema", "apply").code == 0
    assert empty.dump()["/schema/version"] == b"15"
    assert "Nothing to do" in on_empty("schema", "apply").err
    result = on_empty("schema", "apply", "--version", "3")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "rollback" in result.err


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("version", [0, 4, 15])
@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
def test_a_beginning_that_was_interrupted_is_finished(on_empty: Pvc, empty: Tree, version: int, stop_at: int) -> None:
    turns = iter(range(1, 100))

    def interrupt() -> None:
        if next(turns) == stop_at:
            raise KeyboardInterrupt

    with ZKHandler(empty.hosts) as handler, pytest.raises(KeyboardInterrupt):
        Migration(handler, ZKSchema(version), force=True).carry_out(Hooks(between_chunks=interrupt))
    assert on_empty("schema", "apply", "--version", str(version)).code == 0
    assert empty.dump()["/schema/version"] == str(version).encode()
    assert on_empty("schema", "validate").code == 0
    assert "Nothing to do" in on_empty("schema", "apply").err


def test_a_live_tree_whose_version_is_empty_keeps_it_so_until_it_is_upgraded(
    on_empty: Pvc, demo: Callable[..., Tree]
) -> None:
    tree = demo(version=0)
    tree.put("/schema/version", b"")
    assert "Nothing to do" in on_empty("schema", "apply").err
    tree.client.delete("/config/maintenance")
    assert on_empty("schema", "apply").code == 0
    assert tree.client.get("/schema/version")[0] == b""
    tree.client.delete("/schema", recursive=True)
    assert on_empty("schema", "upgrade", "--to", "2", "--yes", "--no-backup").code == 0
    assert tree.client.get("/schema/version")[0] == b"2"


def defaults(version: int) -> dict[str, str]:
    return {key: definition.default for key, definition in ZKSchema(version).keys.items()}


@pytest.mark.parametrize("version", range(15))
def test_an_upgrade_keeps_all_that_was_there_and_adds_all_that_is_new(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    tree = demo(version=version)
    tree.put("/patroni/leader", b"theirs")
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    result = pvc("schema", "upgrade", "--yes", "--no-backup")
    assert result.code == 0, result.err
    assert f"Schema version is now 15 (was {version})" in result.err
    after = tree.dump()
    gone = {path for path in before if path.split("/")[1] == "cmd"} if version < 10 else set()
    kept = {path: value for path, value in before.items() if path not in gone}
    assert {path: after.get(path) for path in kept} == kept | {"/schema/version": b"15"}
    assert after.keys().isdisjoint(gone)
    # Every item of every group has every key, with the default where the key is new.
    schema = ZKSchema()
    tops = {
        "node": "/nodes",
        "domain": "/domains",
        "network": "/networks",
        "osd": "/ceph/osds",
        "pool": "/ceph/pools",
    }
    for group, top in tops.items():
        for item in tree.client.get_children(top):
            for key, definition in schema.keys_of(group):
                path = f"{top}/{item}{definition.path}"
                assert path in after
                if key not in defaults(version):
                    assert after[path].decode() == definition.default
    named = {definition.path.split("/")[1] for _, definition in schema.keys_of("base")} - {""}
    assert {path.split("/")[1] for path in after if path != "/"} == named | {"patroni"}
    validated = pvc("schema", "validate", "-o", "json")
    assert validated.code == 0
    assert json.loads(validated.out) == {
        "version": 15, "missing": [], "retired": [], "stray": [], "pvc_made": [], "normal": [], "stuck_locks": [],
        "invalid": [], "foreign": [],
    }  # fmt: skip


@pytest.mark.parametrize("version", range(15))
def test_a_rollback_takes_away_what_the_version_lacks_and_an_upgrade_gives_the_structure_back(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    tree = demo()
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    assert pvc("schema", "rollback", "--to", str(version), "--yes", "--no-backup").code == 0
    assert pvc("schema", "validate").code == 0
    now = tree.dump()
    both = {path: value for path, value in before.items() if path in now and path != "/schema/version"}
    schema, newest = ZKSchema(version), ZKSchema()
    common = {newest.path(key): value for key, value in cluster(20, newest) if schema.path(key)}
    stopped = {f"/nodes/pvchv{n}/daemonstate": b"stop" for n in (1, 2, 3)}
    expected = {path: value.encode() for path, value in common.items() if path != "/schema/version"}
    assert both == expected | stopped | {"/": b""}
    # The nodes' daemons, which are stopped, start with the older version.
    active = {f"/nodes/pvchv{n}/activeschema": str(version).encode() for n in (1, 2, 3)}
    assert {path: now[path] for path in both} == both | active
    assert pvc("schema", "upgrade", "--yes", "--no-backup").code == 0
    after = tree.dump()
    assert {path: after[path] for path in both} == both | active
    assert pvc("schema", "validate").code == 0


def test_a_plan_is_shown_and_not_carried_out(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = demo(version=9)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    result = pvc("schema", "upgrade", "--to", "10", "--dry-run", "-o", "json")
    assert result.code == 0
    assert json.loads(result.out)["changes"] == [
        *({"action": "create", "path": f"/ceph/osds/{n}/is_split", "value": "False"} for n in range(3)),
        {"action": "set", "path": "/schema/version", "value": "10"},
        *({"action": "delete", "path": p} for p in ("/cmd/nodes", "/cmd/domains", "/cmd/ceph", "/cmd")),
    ]  # fmt: skip
    upgrade = ("schema", "upgrade", "--to", "10", "--dry-run")
    assert pvc(*upgrade, "--paths").out.splitlines()[3] == "would set /schema/version = '10'"
    assert "would change 3 OSDs: + is_split = False (0, 1, 2)" in pvc(*upgrade).out.splitlines()
    assert tree.dump() == before


def test_what_a_rollback_loses_is_counted(on_tree: Pvc) -> None:
    result = on_tree("schema", "rollback", "--to", "0", "--dry-run", "-o", "name")
    assert "this deletes " in result.err
    for what in ("27 tags", "2 VM snapshots", "24 SR-IOV VFs", "6 SR-IOV PFs", "3 node logs"):
        assert what in result.err


# The gate, questions, wrong directions


@pytest.mark.parametrize(
    ("value", "why"),
    [(b"14", "node pvchv2 knows only version 14"), (b"", "node pvchv2 does not report"), (b"new", "does not report")],
)
def test_a_node_that_does_not_know_the_version_is_named(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, value: bytes, why: str
) -> None:
    tree = demo(version=13)
    tree.put("/nodes/pvchv2/latestschema", value)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    result = pvc("schema", "upgrade", "--yes", "--no-backup")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert why in result.err
    assert "--force" in result.err
    assert tree.dump() == before
    assert why in pvc("schema", "upgrade", "--dry-run").err
    assert pvc("schema", "upgrade", "--yes", "--no-backup", "--force").code == 0


def test_the_wrong_direction_names_the_right_command(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("schema", "upgrade", "--to", "3", "--yes")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "'pvc schema rollback --to 3'" in result.err
    for arguments in (("upgrade", "--to", "16"), ("rollback", "--to=-1"), ("rollback", "--to", "99")):
        assert on_tree("schema", *arguments, "--yes").code == 1
    assert on_tree("schema", "rollback").code == 2
    assert tree.dump() == before


def test_without_a_terminal_it_needs_yes(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("schema", "rollback", "--to", "14")
    assert result.code == 1
    assert "rerun with --yes" in result.err
    assert tree.dump() == before


# Backups before a change


def test_a_backup_is_made_first_and_is_the_tree_before(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tree = demo(version=5)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    file = tmp_path / "before.json"
    assert pvc("schema", "upgrade", "--yes", "--backup", str(file)).code == 0
    assert json.loads(file.read_text()) == {path: value.decode() for path, value in before.items()}
    assert file.stat().st_mode & 0o777 == 0o600
    result = pvc("schema", "rollback", "--to", "5", "--yes")
    assert "schema-15-to-5-" in result.err


def test_a_backup_that_cannot_be_written_stops_everything(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("schema", "rollback", "--to", "3", "--yes", "--backup", "/dev/full")
    assert result.code == 3
    assert "nothing was changed" in result.err
    assert tree.dump() == before
    assert on_tree("schema", "rollback", "--to", "3", "--yes", "--backup", "x", "--no-backup").code == 2


# Locks, rivals, interruptions


def test_a_daemon_that_holds_the_lock_makes_us_wait_and_is_named(
    demo: Callable[..., Tree], pvc: Pvc, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = demo(version=14)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    daemon = tree.client.Lock("/schema/version", "pvcnoded on pvchv1")
    daemon.acquire()
    result = pvc("--lock-timeout", "1", "schema", "upgrade", "--yes", "--no-backup")
    assert result.code == 5
    assert "Waiting 1 s for the lock on /schema/version, held by pvcnoded on pvchv1" in result.err
    assert tree.client.get("/schema/version")[0] == b"14"
    threading.Timer(0.5, daemon.release).start()
    assert pvc("--lock-timeout", "10", "schema", "upgrade", "--yes", "--no-backup").code == 0


def test_two_upgrades_at_once_are_one_upgrade(demo: Callable[..., Tree]) -> None:
    tree = demo(version=0)
    version = tree.client.get("/schema/version")[1].version
    plans = []

    def upgrade() -> None:
        with ZKHandler(tree.hosts, timeout=30) as handler:
            plans.append(Migration(handler, ZKSchema(), force=True).carry_out())

    rivals = [threading.Thread(target=upgrade) for _ in range(4)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    assert sorted(plan.is_empty for plan in plans) == [False, True, True, True]
    # The version was set exactly once.
    assert tree.client.get("/schema/version")[1].version == version + 1


@pytest.mark.parametrize(("theirs", "ours"), [("7", 15), ("15", 10), ("3", 10)])
def test_a_version_that_was_set_while_we_waited_is_refused(demo: Callable[..., Tree], theirs: str, ours: int) -> None:
    tree = demo(version=3)
    holder = KazooClient(tree.hosts)
    holder.start()
    lock = holder.Lock("/schema/version")
    lock.acquire()

    def daemon(_words: str) -> None:
        tree.client.set("/schema/version", theirs.encode())
        before.update(tree.dump())
        threading.Timer(0.2, lock.release).start()

    before: dict[str, bytes] = {}
    why = f"the schema version was 3 when this was planned, is {theirs} now"
    with ZKHandler(tree.hosts) as handler, pytest.raises(ConflictError, match=why):
        Migration(handler, ZKSchema(ours), force=True).carry_out(Hooks(on_wait=daemon))
    assert {path: value for path, value in tree.dump().items() if "__lock__" not in path} == {
        path: value for path, value in before.items() if "__lock__" not in path
    }
    holder.stop()
    holder.close()


def test_a_znode_that_appears_meanwhile_is_planned_for_anew(demo: Callable[..., Tree]) -> None:
    tree = demo(version=10)
    undisturbed = demo_after(tree)
    disturbed = iter(["/faults", "/config/fence_lock"])

    def disturb() -> None:
        if path := next(disturbed, None):
            tree.put(path)

    with ZKHandler(tree.hosts) as handler:
        Migration(handler, ZKSchema(), force=True).carry_out(Hooks(between_chunks=disturb))
    assert tree.dump() == undisturbed


def demo_after(tree: Tree) -> dict[str, bytes]:
    """What an undisturbed upgrade of *tree* gives, tried on a copy of it."""
    from pvc_cli.zk.snapshot import SnapshotStore

    store = SnapshotStore(tree.dump())
    Migration(ZKHandler.over(store), ZKSchema(), force=True).carry_out()
    return store.tree


def test_a_rival_who_never_stops_is_a_conflict(demo: Callable[..., Tree]) -> None:
    tree = demo(version=9)
    with ZKHandler(tree.hosts) as handler, pytest.raises(ConflictError, match="rerun the same command"):
        Migration(handler, ZKSchema(), force=True).carry_out(
            Hooks(between_chunks=lambda: tree.put("/cmd/nodes", b"busy"))
        )
    assert tree.client.get("/schema/version")[0] == b"15"
    with ZKHandler(tree.hosts) as handler:
        assert not Migration(handler, ZKSchema(), force=True).carry_out().is_empty
    assert not tree.client.exists("/cmd")


def test_a_lost_lock_stops_the_run_before_it_writes(demo: Callable[..., Tree]) -> None:
    tree = demo(version=10)
    before = tree.dump()

    def lose() -> None:
        for contender in tree.client.get_children("/schema/version"):
            tree.client.delete(f"/schema/version/{contender}")

    with ZKHandler(tree.hosts) as handler, pytest.raises(LockError, match="lost the schema lock"):
        Migration(handler, ZKSchema(), force=True).carry_out(Hooks(between_chunks=lose))
    assert tree.dump() == before


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut a run into many transactions."""
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 7)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("stop_at", [1, 2, 5, 10, 15, 17, 18])
def test_a_run_that_is_interrupted_between_transactions_is_finished_by_a_second_one(
    demo: Callable[..., Tree], stop_at: int
) -> None:
    tree = demo(version=0)
    undisturbed = demo_after(tree)
    calls = iter(range(1, 1000))

    def interrupt() -> None:
        if next(calls) == stop_at:
            raise KeyboardInterrupt

    with ZKHandler(tree.hosts) as handler:
        with pytest.raises(KeyboardInterrupt):
            Migration(handler, ZKSchema(), force=True).carry_out(Hooks(between_chunks=interrupt))
        assert tree.client.get_children("/schema/version") == []
        assert tree.dump() != undisturbed
    with ZKHandler(tree.hosts) as handler:
        Migration(handler, ZKSchema(), force=True).carry_out()
    assert tree.dump() == undisturbed


# Validate and prune


def test_what_makes_pvc_leave_out_a_vm_is_named_and_repaired(on_tree: Pvc, tree: Tree) -> None:
    vm = f"/domains/{tree.uuid('web-01')}"
    broken = f"/domains/{tree.uuid('app-01')}/xml"
    for path, value in (
        (f"{vm}/node_autostart", b""),
        (f"{vm}/tags/production/protected", b""),
        (f"{vm}/snapshots/s/timestamp", b"yesterday"),
        (broken, b"<domain><unclosed>"),
    ):
        tree.put(path, value)
    tree.client.delete(f"{vm}/tags/production/type")
    result = on_tree("schema", "validate", "-o", "json")
    assert (result.code, json.loads(result.out)["invalid"]) == (
        1,
        [
            {"vm": vm, "path": path, "value": value, "repair": repair}
            for vm, path, value, repair in sorted(
                [
                    ("app-01", broken, "<domain><unclosed>", None),
                    ("web-01", f"{vm}/node_autostart", "", "False"),
                    ("web-01", f"{vm}/snapshots/s/timestamp", "yesterday", "0"),
                    ("web-01", f"{vm}/tags/production/protected", "", "False"),
                ],
                key=lambda row: row[1],
            )
        ],
    )
    table = on_tree("schema", "validate").out
    assert "broken XML: PVC leaves out app-01" in table
    assert "'yesterday': PVC leaves out web-01; 'pvc schema apply' sets 0" in table
    status = on_tree("cluster", "status").out
    assert "PVC leaves out app-01: its xml is broken" in status
    result = on_tree("schema", "apply")
    assert result.code == 0
    assert tree.client.get(f"{vm}/node_autostart")[0] == b"False"
    assert tree.client.get(f"{vm}/snapshots/s/timestamp")[0] == b"0"
    assert tree.client.get(f"{vm}/tags/production/type")[0] == b"user"
    left = json.loads(on_tree("schema", "validate", "-o", "json").out)
    assert [value["path"] for value in left["invalid"]] == [broken]


def test_pvcs_own_marks_are_told_from_strays_and_foreign_znodes(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    vni = "/networks/1001"
    (mac, _) = sorted(tree.client.get_children(f"{vni}/dhcp4_reservations"))
    uuid = tree.uuid("web-01")
    marks = ["/sriov", "/tags", "/db_device", "/mtu", "/pvcversion", "/tier"]
    normal = [f"{vni}/dhcp4_reservations/{mac}/{name}" for name in ("ip", "mac")]
    normal += [f"{vni}/firewall_rules/in/port-443/description"]
    for path in normal:
        tree.put(path)
    healthy = on_tree("schema", "validate", "-o", "json")
    assert (healthy.code, json.loads(healthy.out)["normal"]) == (0, normal)
    for path in (*marks, "/sriov/pf", "/sriov/vf"):
        tree.put(path, b"default" if path == "/tier" else b"")
    others = [f"/domains/{uuid}/mine", f"/domains/{uuid}/state/deep"]
    for path in (*others, "/theirs/own", "/cmd/nodes"):
        tree.put(path)
    tree.client.delete("/config/upstream_ip")
    tree.client.delete(f"/domains/{uuid}/profile")
    tree.client.delete("/nodes/pvchv1/sriov/vf/ens1f0v0/config/trust")
    result = on_tree("schema", "validate", "-o", "json")
    assert result.code == 1
    assert json.loads(result.out) == {
        "version": 15,
        "missing": [
            "/config/upstream_ip",
            f"/domains/{uuid}/profile",
            "/nodes/pvchv1/sriov/vf/ens1f0v0/config/trust",
        ],
        "retired": ["/cmd"],
        "stray": sorted(marks + others),
        "pvc_made": sorted(marks),
        "normal": normal,
        "invalid": [],
        "stuck_locks": [],
        "foreign": ["/theirs"],
    }
    table = on_tree("schema", "validate").out
    assert "left by PVC's own migration" in table
    assert "not PVC's, left alone" in table

    # Apply creates what is missing, but for what a daemon writes whole; prune removes what holds no data.
    tree.put("/tags/precious", b"data")
    assert on_tree("schema", "apply", "--prune").code == 1
    result = on_tree("schema", "apply", "--prune", "--yes")
    assert result.code == 0
    assert "Warning: kept /tags: it holds data" in result.err
    expected = dict(before)
    expected |= dict.fromkeys((*others, "/theirs", "/theirs/own", "/tags"), b"") | {"/tags/precious": b"data"}
    expected |= {"/config/upstream_ip": b"", f"/domains/{uuid}/profile": b""}
    del expected["/nodes/pvchv1/sriov/vf/ens1f0v0/config/trust"]
    assert tree.dump() == expected


def test_a_retired_znode_with_data_is_not_pruned_but_an_upgrade_removes_it(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/cmd/domains", b"flush")
    result = on_tree("schema", "apply", "--prune", "--yes")
    assert (result.code, tree.client.exists("/cmd/domains") is not None) == (0, True)
    assert "kept /cmd: it holds data" in result.err
    assert on_tree("schema", "upgrade", "--yes", "--no-backup").code == 0
    assert not tree.client.exists("/cmd")


def test_lock_contenders_are_not_stray(on_tree: Pvc, tree: Tree) -> None:
    lock = tree.client.ReadLock("/schema/version")
    lock.acquire()
    migrating = tree.client.Lock(f"/domains/{tree.uuid('web-01')}/migrate_sync_lock")
    migrating.acquire()
    assert on_tree("schema", "validate").code == 0
    lock.release()
    migrating.release()


def test_a_thousand_vms_are_planned_in_one_batch_a_level(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=1000, version=0)
    with ZKHandler(tree.hosts) as handler:
        started = time.monotonic()
        plan = make_plan(handler.store, ZKSchema())
        assert len(plan.creates) > 3000
        assert round_trips(handler) <= 12
        assert time.monotonic() - started < 5
