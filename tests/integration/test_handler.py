"""The handler on a real ZooKeeper: reading, writing, skipping what has no path."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kazoo.security import make_digest_acl

from pvc_cli.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidItemError,
    InvalidKeyError,
    LockError,
    NotFoundError,
    PvcError,
    SchemaError,
    TooLargeError,
)
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import Key, ZKHandler, ZKSchema
from pvc_cli.zk.backup import stream_backup
from pvc_cli.zk.store import ReplacedError
from pvc_cli.zk.transaction import plan_rename
from tests.conftest import Tree, examples, round_trips


@pytest.fixture(params=[True, False], ids=["multiRead", "pipelined"])
def reader(request: pytest.FixtureRequest, tree: Tree) -> Iterator[ZKHandler]:
    """A handler on the demo cluster, with either way to read a batch."""
    with ZKHandler(tree.hosts, multiread=request.param) as handler:
        yield handler


def test_both_ways_to_read_see_the_same_tree(reader: ZKHandler, tree: Tree) -> None:
    uuids = reader.children("base.domain") or []
    assert uuids == sorted(tree.client.get_children("/domains"))
    keys = [(key, uuid) for uuid in uuids for key, _ in reader.schema.keys_of("domain")]
    keys += [("domain.state", "gone"), ("domain.nope", uuids[0])]
    expected = [tree.client.get(f"/domains/{uuid}{d.path}")[0].decode() for uuid in uuids
                for _, d in reader.schema.keys_of("domain")]  # fmt: skip
    assert reader.read_many(keys) == [*expected, None, None]
    assert reader.exists_many(keys[-3:]) == [True, False, False]
    tags = reader.children_many(("domain.meta.tags", uuid) for uuid in [*uuids, "gone"])
    assert tags[:-1] == [sorted(tree.client.get_children(f"/domains/{uuid}/tags")) for uuid in uuids]
    assert tags[-1] is None


@pytest.mark.parametrize("key", ["domain", "domain.state", "domain.nope"])
def test_one_key_of_many_items_reads_as_each_of_them_does(reader: ZKHandler, key: str) -> None:
    uuids = [*(reader.children("base.domain") or []), "gone"]
    assert reader.read_each(key, uuids) == [reader.read((key, uuid)) for uuid in uuids]
    assert reader.read_each(key, []) == []


def test_a_batch_is_one_round_trip(tree: Tree) -> None:
    with ZKHandler(tree.hosts) as handler:
        uuids = handler.children("base.domain") or []
        before = round_trips(handler)
        handler.read_many([(key, uuid) for uuid in uuids for key, _ in handler.schema.keys_of("domain")])
        assert round_trips(handler) - before == 1


def test_a_batch_larger_than_one_request_keeps_its_order(reader: ZKHandler) -> None:
    uuids = reader.children("base.domain") or []
    names = reader.read_many([("domain", uuids[n % len(uuids)]) for n in range(9000)])
    first = reader.read_many(("domain", uuid) for uuid in uuids)
    assert names == [first[n % len(uuids)] for n in range(9000)]


def test_a_large_value_and_one_that_is_not_utf8_are_read(reader: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    tree.put(f"/domains/{uuid}/consolelog", b"x" * 900_000)
    tree.put(f"/domains/{uuid}/stats", b"\xff\xfe")
    tree.put(f"/domains/{uuid}/state", b"")
    keys = [("domain.console.log", uuid), ("domain.stats", uuid), ("domain.state", uuid)]
    assert reader.read_many(keys) == ["x" * 900_000, "\ufffd\ufffd", ""]


def test_an_empty_batch_asks_nobody(reader: ZKHandler) -> None:
    assert reader.read_many([]) == []
    assert reader.children_many([]) == []


def test_the_root_shows_only_what_is_pvcs(tree: Tree) -> None:
    tree.put("/patroni/x")
    tree.put("/zookeeper/config")
    with ZKHandler(tree.hosts) as handler:
        assert handler.children("base.root") == [
            "ceph",
            "config",
            "domains",
            "faults",
            "logs",
            "networks",
            "nodes",
            "schema",
        ]


OLD_KEYS: list[Key] = [
    ("domain.meta.tags", "u"),
    ("domain.meta.tags", "u", "tag", "t"),
    ("domain.meta.tags", "u", "tag.type", "t"),
    ("node.sriov", "pvchv1"),
    "base.logs",
    "base.nope",
]


@pytest.mark.parametrize("key", OLD_KEYS, ids=str)
def test_a_key_that_the_schema_lacks_is_skipped_everywhere(demo: Callable[..., Tree], key: Key) -> None:
    tree = demo(version=0)
    before = tree.dump()
    with ZKHandler(tree.hosts) as handler:
        assert handler.schema.version == 0
        assert handler.read(key) is None
        assert handler.children(key) is None
        assert handler.exists(key) is False
        handler.write([(key, "x")])
        handler.delete([key])
        handler.rename([(key, "base.config.upstream_ip"), ("base.config.upstream_ip", key)])
        transaction = handler.transaction()
        transaction.create(key, "x")
        transaction.set(key, "x")
        transaction.delete(key)
        transaction.check(key)
        assert transaction.changes == ()
        transaction.commit()
        for lock in (handler.readlock, handler.writelock, handler.exclusivelock):
            with pytest.raises(LockError, match="schema version 0"):
                lock(key)
    assert tree.dump() == before


def test_a_skipped_key_does_not_keep_the_others_from_being_written(demo: Callable[..., Tree]) -> None:
    tree = demo(version=0)
    with ZKHandler(tree.hosts) as handler:
        handler.write([("base.logs", "x"), ("base.config.maintenance", "True"), (("node.sriov", "pvchv1"), "x")])
    assert tree.client.get("/config/maintenance")[0] == b"True"
    assert not tree.client.exists("/logs")


def test_write_creates_and_updates_in_one_transaction(zk: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    zk.write(
        [
            (("domain.meta.tags", uuid, "tag", "new"), "new"),
            (("domain.meta.tags", uuid, "tag.type", "new"), "user"),
            (("domain.state", uuid), "stop"),
            (("domain.state", uuid), "shutdown"),
        ]
    )
    created = tree.client.get(f"/domains/{uuid}/tags/new/type")
    updated = tree.client.get(f"/domains/{uuid}/state")
    assert (created[0], updated[0]) == (b"user", b"shutdown")
    assert created[1].czxid == updated[1].mzxid


def test_write_does_not_bring_back_half_of_an_item_that_is_gone(zk: ZKHandler, tree: Tree) -> None:
    before = tree.dump()
    with pytest.raises(NotFoundError, match="/domains/gone does not exist"):
        zk.write([("base.config.maintenance", "True"), (("domain.state", "gone"), "start")])
    assert tree.dump() == before


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "\x00", "\udcff", "😀"])
def test_no_name_reaches_another_znode(zk: ZKHandler, tree: Tree, name: str) -> None:
    before = tree.dump()
    for action in (
        lambda: zk.read(("domain.state", name)),
        lambda: zk.children(("domain", name)),
        lambda: zk.exists(("domain", name)),
        lambda: zk.write([(("domain", name), "x")]),
        lambda: zk.delete([("domain", name)]),
        lambda: zk.rename([(("domain", name), ("domain", "x"))]),
        lambda: zk.writelock(("domain", name)),
    ):
        with pytest.raises(InvalidItemError):
            action()
    assert tree.dump() == before


def test_delete_takes_all_below_and_skips_what_is_not_there(zk: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    before = tree.dump()
    zk.delete([("domain", uuid), ("domain.state", uuid), ("domain", "gone")])
    after = tree.dump()
    assert before.keys() - after.keys() == {path for path in before if f"{path}/".startswith(f"/domains/{uuid}/")}
    assert after.items() <= before.items()


def test_the_root_is_never_deleted_or_moved(zk: ZKHandler, tree: Tree) -> None:
    before = tree.dump()
    with pytest.raises(InvalidKeyError, match="root"):
        zk.delete([("domain", "x"), "base.root"])
    with pytest.raises(InvalidKeyError):
        zk.rename([("base.root", "base.faults")])
    assert tree.dump() == before


def test_rename_moves_the_whole_subtree(zk: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    moved = {path: value for path, value in tree.dump().items() if f"{path}/".startswith(f"/domains/{uuid}/")}
    zk.rename([(("domain", uuid), ("domain", "other"))])
    after = tree.dump()
    assert {path.replace("/domains/other", f"/domains/{uuid}"): value for path, value in after.items()
            if f"{path}/".startswith("/domains/other/")} == moved  # fmt: skip
    assert not zk.exists(("domain", uuid))


def test_rename_refuses_a_missing_source_a_taken_target_and_its_own_inside(zk: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    before = tree.dump()
    with pytest.raises(NotFoundError):
        zk.rename([(("domain", "gone"), ("domain", "x"))])
    with pytest.raises(ConflictError):
        zk.rename([(("domain", uuid), ("domain", tree.uuid("web-02")))])
    with pytest.raises(InvalidKeyError):
        zk.rename([(("domain", uuid), ("domain.meta.tags", uuid, "tag", "t"))])
    zk.rename([(("domain", uuid), ("domain", uuid))])
    assert tree.dump() == before


def test_a_transaction_is_all_or_nothing_and_names_the_culprit(zk: ZKHandler, tree: Tree) -> None:
    before = tree.dump()
    transaction = zk.transaction()
    transaction.set("base.config.maintenance", "True")
    transaction.create("base.config.upstream_ip", "x")
    transaction.delete("base.faults")
    with pytest.raises(ConflictError, match="/config/upstream_ip already exists"):
        transaction.commit()
    assert tree.dump() == before


def test_a_guard_on_a_version_refuses_what_somebody_else_changed(zk: ZKHandler, tree: Tree) -> None:
    (seen,) = zk.get_znodes(["base.config.maintenance"])
    assert seen
    tree.put("/config/maintenance", b"True")
    for guard in ("set", "check", "delete"):
        transaction = zk.transaction()
        if guard == "set":
            transaction.set("base.config.maintenance", "False", seen.version)
        else:
            getattr(transaction, guard)("base.config.maintenance", seen.version)
        transaction.set("base.config.upstream_ip", "changed")
        with pytest.raises(ConflictError, match="/config/maintenance was modified"):
            transaction.commit()
    assert tree.client.get("/config/upstream_ip")[0] == b"10.0.0.250"


def test_a_znode_that_got_children_is_not_deleted(zk: ZKHandler) -> None:
    transaction = zk.transaction()
    transaction.delete("base.domain")
    with pytest.raises(ConflictError, match="/domains has new children"):
        transaction.commit()


def test_what_does_not_fit_one_request_is_refused_by_name(zk: ZKHandler, tree: Tree) -> None:
    before = tree.dump()
    with pytest.raises(TooLargeError, match=r"/domains/.*/xml alone takes 1,2"):
        zk.write([(("domain.xml", tree.uuid("web-01")), "x" * 1_200_000), ("base.config.maintenance", "True")])
    assert tree.dump() == before


def test_eight_rivals_who_write_the_same_keys_all_succeed_and_leave_one_whole_write(tree: Tree) -> None:
    keys: list[Key] = ["base.config.maintenance", "base.config.upstream_ip", "base.config.migration_target_selector"]
    failed = []

    def write(name: str) -> None:
        try:
            with ZKHandler(tree.hosts) as handler:
                for turn in range(20):
                    handler.write([(key, f"{name}{turn}") for key in keys])
        except Exception as error:
            failed.append(error)

    rivals = [threading.Thread(target=write, args=(name,)) for name in "abcdefgh"]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    assert failed == []
    with ZKHandler(tree.hosts) as handler:
        assert len(set(handler.read_many(keys))) == 1


def test_one_handler_serves_many_threads(zk: ZKHandler) -> None:
    uuids = zk.children("base.domain") or []
    expected = zk.read_many(("domain", uuid) for uuid in uuids)
    seen = []

    def read() -> None:
        for _ in range(30):
            seen.append(zk.read_many(("domain", uuid) for uuid in uuids) == expected)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 240


def test_two_handlers_in_one_process_see_two_clusters(tree: Tree, server: Ensemble) -> None:
    with ZKHandler(tree.hosts) as one, ZKHandler(server.hosts) as other:
        assert one.exists("base.domain")
        assert not other.exists("base.domain")
    with pytest.raises(PvcError, match="not connected"):
        one.read("base.domain")


def test_connecting_twice_and_disconnecting_twice_is_fine(tree: Tree) -> None:
    handler = ZKHandler(tree.hosts)
    handler.connect()
    handler.connect()
    assert handler.exists("base.domain")
    handler.disconnect()
    handler.disconnect()
    with pytest.raises(PvcError, match="not connected"):
        handler.watcher()


@pytest.mark.parametrize("text", [b"", b"0", b" 7\n"])
def test_the_schema_version_is_read_from_the_tree(empty: Tree, text: bytes) -> None:
    empty.put("/schema/version", text)
    with ZKHandler(empty.hosts) as handler:
        assert handler.schema.version == int(text or 0)
        empty.put("/schema/version", b"9")
        assert handler.schema.version == int(text or 0)
        assert handler.refresh_schema().version == 9


def test_a_tree_without_a_version_is_at_version_0(empty: Tree) -> None:
    with ZKHandler(empty.hosts) as handler:
        assert handler.schema.version == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"new", "holds 'new'"),
        (b"-1", "holds '-1'"),
        (b"16", "knows 0 to 15"),
        (b"\xd9\xa3", "holds"),
        (b"9" * 5000, "holds '9999"),
    ],
)
def test_a_version_that_makes_no_sense_or_is_too_new_is_refused(empty: Tree, text: bytes, why: str) -> None:
    empty.put("/schema/version", text)
    with ZKHandler(empty.hosts) as handler, pytest.raises(SchemaError, match=why):
        handler.read("base.config.maintenance")


names = st.text(st.characters(codec="utf-8"), min_size=0, max_size=6)


# The session's keeper draws random numbers of its own meanwhile, and Hypothesis takes that for the test's doing.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(item=names, sub=names)
def test_whatever_an_item_is_called_only_that_item_is_written(zk: ZKHandler, tree: Tree, item: str, sub: str) -> None:
    """Write below whatever name there is: either it is refused, or exactly that znode appears."""
    before = tree.dump("/faults")
    try:
        zk.write([(("faults", item), "value"), (("faults.status", item), sub)])
    except InvalidItemError:
        assert tree.dump("/faults") == before
        return
    after = tree.dump("/faults")
    assert after.items() - before.items() <= {(f"/faults/{item}", b"value"), (f"/faults/{item}/status", sub.encode())}
    zk.delete([("faults", item)])
    assert "/faults" in tree.dump("/faults")


def test_every_schema_version_can_be_loaded_by_a_handler(empty: Tree) -> None:
    for version in range(ZKSchema.newest() + 1):
        empty.put("/schema/version", str(version).encode())
        with ZKHandler(empty.hosts) as handler:
            assert handler.schema is ZKSchema.at(version)


def test_thousands_of_watches_are_two_round_trips_and_each_tells_of_its_change(zk: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    names = [f"tag{number}" for number in range(3000)]
    zk.write([(("domain.meta.tags", uuid, "tag", name), name) for name in names])
    watcher = zk.watcher(settle=0.01)
    keys = [("domain.meta.tags", uuid, "tag", name) for name in names]
    before = round_trips(zk)
    watcher.watch(values=keys, children=[("domain.meta.tags", uuid), "base.root"])
    assert round_trips(zk) - before == 1
    assert not watcher.wait(0.2)
    for name in (names[0], names[1999], names[2000], names[-1]):
        tree.client.set(f"/domains/{uuid}/tags/{name}", b"x")
        assert watcher.wait(5), name
        assert not watcher.wait(0.05)
        watcher.watch(values=keys)
        assert not watcher.wait(0.05)
    tree.client.delete(f"/domains/{uuid}/tags/{names[5]}")
    assert watcher.wait(5)
    tree.put("/stray")
    assert watcher.wait(5)


def test_a_watch_on_what_is_missing_tells_when_it_comes(zk: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    watcher = zk.watcher(settle=0.01)
    watcher.watch(
        values=[("domain.meta.tags", uuid, "tag", "new")], children=[("domain.meta.tags", uuid, "tag", "x")]
    )
    assert not watcher.wait(0.2)
    tree.put(f"/domains/{uuid}/tags/new")
    assert watcher.wait(5)
    tree.put(f"/domains/{uuid}/tags/x")
    assert watcher.wait(5)


def test_another_thread_can_wake_whoever_waits(zk: ZKHandler) -> None:
    watcher = zk.watcher()
    threading.Timer(0.1, watcher.wake).start()
    assert watcher.wait(5)


def test_a_new_look_at_the_version_does_not_disarm_the_guards(zk: ZKHandler, tree: Tree) -> None:
    """Keys still resolve by the version that was read first."""
    key = ("domain.meta.tags", tree.uuid("web-01"))
    assert zk.read(key) is not None
    tree.client.set("/schema/version", b"2")
    zk.read_base()
    with pytest.raises(ConflictError, match="the schema version of the cluster changed meanwhile"):
        zk.write([(key, "x")])


def test_a_rename_notices_a_source_that_was_created_again(zk: ZKHandler, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    path = f"/domains/{uuid}/profile"
    tree.client.delete(path)
    tree.put(path, b"old")
    transaction = plan_rename(zk.transaction(), [(("domain.profile", uuid), ("domain.state", "gone"))])
    assert [op.kind for op in transaction.ops] == ["create", "set", "delete"]
    transaction = plan_rename(zk.transaction(), [(("domain.profile", uuid), ("domain", "new"))])
    tree.client.delete(path)
    tree.put(path, b"new")
    with pytest.raises(ReplacedError, match="profile was deleted and created again"):
        transaction.commit()


def test_what_one_reader_may_not_read_another_is_refused(zk: ZKHandler, tree: Tree) -> None:
    """A backup goes on where it may not read, and is read bit by bit; everything else meanwhile does not."""
    path = f"/domains/{tree.uuid('web-01')}/state"
    pairs = stream_backup(zk)
    next(pairs)
    tree.client.set_acls(path, [make_digest_acl("somebody", "else", all=True)])
    with pytest.raises(AccessDeniedError):
        zk.read(("domain.state", tree.uuid("web-01")))
    with pytest.raises(AccessDeniedError, match="the backup would not be whole"):
        list(pairs)
