"""What every store has to do, the real ZooKeeper and the backup file alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pvc_cli.errors import LockError, NotFoundError, RefusedError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.backup import encode_backup
from pvc_cli.zk.snapshot import SnapshotStore
from pvc_cli.zk.store import CommitConflictError, Op, Read, ReplacedError, Store, Znode
from pvc_cli.zk.written import Seen
from tests.conftest import Tree


@pytest.fixture(params=["ZooKeeper", "backup"])
def handler(request: pytest.FixtureRequest, tree: Tree) -> Iterator[ZKHandler]:
    """A handler on the demo cluster, live or in a backup."""
    if request.param == "backup":
        yield ZKHandler.over(SnapshotStore(tree.dump()))
    else:
        with ZKHandler(tree.hosts) as live:
            yield live


@pytest.fixture
def store(handler: ZKHandler) -> Store:
    return handler.store


def dump(store: Store) -> dict[str, tuple[bytes, int]]:
    """Every znode's value and version, read through the store itself."""
    found: dict[str, tuple[bytes, int]] = {}
    level = ["/"]
    while level:
        values = store.read([Read(path) for path in level])
        names = store.read([Read(path, children=True) for path in level])
        for path, znode in zip(level, values, strict=True):
            assert isinstance(znode, Znode)
            found[path] = (znode.data, znode.version)
        level = [
            f"{path.rstrip('/')}/{name}"
            for path, below in zip(level, names, strict=True)
            if isinstance(below, list)
            for name in below
        ]
    return found


def test_both_hold_the_same_tree(store: Store, tree: Tree) -> None:
    assert {path: value for path, (value, _) in dump(store).items()} == tree.dump()


def test_what_is_missing_reads_as_none(store: Store) -> None:
    assert store.read([Read("/nope"), Read("/nope", children=True), Read("/config/nope/deep")]) == [None] * 3
    assert store.read([]) == []


def test_a_record_tells_of_children_and_size(store: Store) -> None:
    (nodes, version) = store.read([Read("/nodes"), Read("/schema/version")])
    assert isinstance(nodes, Znode)
    assert isinstance(version, Znode)
    assert (nodes.stat.children_count, nodes.stat.data_length) == (3, 0)
    assert (version.text, version.stat.children_count, version.stat.data_length) == ("15", 0, 2)


@pytest.mark.parametrize("kind", ["ZooKeeper", "backup"])
def test_a_record_tells_later_whether_the_children_are_still_the_same(kind: str, tree: Tree, tmp_path: Path) -> None:
    """A backup that is opened again has no counters, but its names."""
    file, tags = tmp_path / "b.json", f"/domains/{tree.uuid('web-01')}/tags"
    file.write_text(encode_backup(tree.dump()))

    def in_another_process(*ops: Op) -> Znode:
        if kind == "backup":
            store = SnapshotStore.open(file)
            store.commit(ops)
            store.save()
            (found,) = store.read([Read(tags)])
        else:
            with ZKHandler(tree.hosts) as handler:
                handler.store.commit(ops)
                (found,) = handler.store.read([Read(tags)])
        assert isinstance(found, Znode)
        return found

    without, whatever = Seen.of(in_another_process(), children=True), Seen.of(in_another_process())
    assert without.is_still(in_another_process())
    in_another_process(Op("create", f"{tags}/new", b"new"))
    assert not without.is_still(in_another_process())
    assert whatever.is_still(in_another_process())


GOOD = [
    Op("check", "/config"),
    Op("create", "/faults/f", b"one"),
    Op("create", "/faults/f/status", b"new"),
    Op("set", "/faults/f", b"two", 0),
    Op("set", "/faults/f", b"three"),
    Op("check", "/faults/f", version=2),
    Op("delete", "/faults/f/status", version=0),
]


def test_a_transaction_is_applied_in_order(store: Store) -> None:
    before = dump(store)
    store.commit(GOOD)
    assert dump(store) == before | {"/faults/f": (b"three", 2)}


@pytest.mark.parametrize(
    ("culprit", "why"),
    [
        (Op("create", "/config", b""), "already exists"),
        (Op("create", "/nope/deep", b""), "lost its parent"),
        (Op("set", "/nope", b""), "no longer exists"),
        (Op("set", "/config", b"", 99), "was modified"),
        (Op("delete", "/nope"), "no longer exists"),
        (Op("delete", "/config"), "has new children"),
        (Op("delete", "/faults", version=7), "was modified"),
        (Op("check", "/nope"), "no longer exists"),
        (Op("check", "/config", version=99), "was modified"),
    ],
)
@pytest.mark.parametrize("position", [0, 3, len(GOOD)])
def test_one_bad_step_undoes_all_and_is_named(store: Store, culprit: Op, why: str, position: int) -> None:
    before = dump(store)
    with pytest.raises(CommitConflictError, match=why) as error:
        store.commit([*GOOD[:position], culprit, *GOOD[position:]])
    assert error.value.op == culprit
    assert dump(store) == before


def test_an_empty_transaction_is_fine(store: Store) -> None:
    store.commit([])


def test_a_handler_does_the_same_on_either(handler: ZKHandler) -> None:
    uuid = (handler.children("base.domain") or [])[0]
    handler.write([(("domain.meta.tags", uuid, "tag", "t"), "t"), (("domain.state", uuid), "stop")])
    assert handler.read_many([("domain.meta.tags", uuid, "tag", "t"), ("domain.state", uuid)]) == ["t", "stop"]
    handler.rename([(("domain", uuid), ("domain", "other"))])
    assert handler.read(("domain.state", "other")) == "stop"
    handler.delete([("domain", "other")])
    assert not handler.exists(("domain", "other"))
    with pytest.raises(NotFoundError):
        handler.write([(("domain.state", "other"), "start")])


def test_locks_are_there_on_either_and_never_on_what_is_not_there(handler: ZKHandler) -> None:
    with handler.exclusivelock("base.schema.version"):
        handler.write([("base.config.maintenance", "True")])
    with pytest.raises(LockError):
        handler.writelock(("domain.migrate.sync_lock", "nope"))


def test_a_backup_cannot_be_watched(tree: Tree) -> None:
    with pytest.raises(RefusedError, match="drop --watch"):
        ZKHandler.over(SnapshotStore(tree.dump())).watcher()


def test_a_change_of_a_znode_that_was_created_again_is_reported(handler: ZKHandler, tree: Tree) -> None:
    """Both have version 0, and ZooKeeper checks nothing else."""
    key = ("domain.state", tree.uuid("web-01"))
    (found,) = handler.get_znodes([key])
    assert found
    assert found.version == 0
    handler.delete([key])
    handler.write([(key, "theirs")])
    transaction = handler.transaction()
    transaction.ensure(key, found, "ours")
    with pytest.raises(ReplacedError, match="was deleted and created again during the change, which overwrote"):
        transaction.commit()


def test_an_interrupted_transaction_leaves_nothing_in_a_file(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore(tree.dump())
    before = store.tree
    apply = SnapshotStore._apply

    def interrupt(self: SnapshotStore, op: Op) -> None:
        if op.path == "/config/second":
            raise KeyboardInterrupt
        apply(self, op)

    monkeypatch.setattr(SnapshotStore, "_apply", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.commit([Op("set", "/config/maintenance", b"true"), Op("create", "/config/second")])
    assert store.tree == before


def test_what_another_process_saves_right_after_us_is_read_again(tree: Tree, tmp_path: Path) -> None:
    """Once our file is in place, its lock is nobody's."""
    file = tmp_path / "b.json"
    file.write_text(encode_backup(tree.dump()))
    ours, theirs = SnapshotStore.open(file), SnapshotStore.open(file)

    def save_and_be_followed(folder: Path) -> None:
        if folder == tmp_path and not followed:
            followed.append(folder)
            theirs.commit([Op("create", "/config/theirs")])
            theirs.save()

    followed: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pvc_cli.files.sync_folder", save_and_be_followed)
        ours.commit([Op("create", "/config/ours")])
        ours.save()
    ours.commit([Op("create", "/config/later")])
    ours.save()
    assert {"/config/ours", "/config/theirs", "/config/later"} <= SnapshotStore.open(file).tree.keys()
