"""The engine's properties, by Hypothesis, over generated trees and versions, on the in-memory store."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.errors import SchemaError
from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import Change, ZKHandler, ZKSchema
from pvc_cli.zk.migration.locked import Hooks
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import make_plan
from pvc_cli.zk.migration.survey import survey
from pvc_cli.zk.snapshot import SnapshotStore
from pvc_cli.zk.store import Op, ReplacedError
from tests.conftest import examples

NEWEST = ZKSchema.newest()
numbers = st.integers(0, NEWEST)
names = st.sampled_from(["a", "b10", "b9", "type", "tags", "state", "pf", "ä"])
values = st.sampled_from([b"", b"x", b"default", b"False", b"\xff"])


@st.composite
def trees(draw: st.DrawFn, version: int) -> dict[str, bytes]:
    """Draw a tree at *version*: base keys, and items of every group, each with some of its keys missing."""
    schema = ZKSchema.at(version)
    tree = {"/": b""} | {definition.path: b"" for _, definition in schema.keys_of("base")}
    tree["/schema/version"] = str(version).encode()
    for group, definition in schema.groups.items():
        if definition.base is None:
            continue
        for item in draw(st.lists(names, max_size=2, unique=True)):
            _item(draw, tree, schema, group, schema.keys[definition.base].path, item, definition.depth)
    for group, definition in schema.groups.items():
        for container in definition.under:
            suffix = schema.keys[container].path
            for path in [path for path in tree if path.endswith(suffix) and path.count("/") >= 3]:
                parent = path.removesuffix(suffix)
                base = schema.groups[schema.group_of(container)].base
                if base and parent.rpartition("/")[0] == schema.keys[base].path:
                    for item in draw(st.lists(names, max_size=2, unique=True)):
                        _item(draw, tree, schema, group, path, item, 1)
    return tree


def _item(
    draw: st.DrawFn, tree: dict[str, bytes], schema: ZKSchema, group: str, top: str, item: str, depth: int
) -> None:
    path = top
    for _ in range(depth):
        path = f"{path}/{item}"
        tree.setdefault(path, draw(values))
    for _, definition in schema.keys_of(group):
        at = path + definition.path
        if at.rpartition("/")[0] in tree and (at == path or draw(st.integers(0, 4))):
            tree.setdefault(at, draw(values))


def migrated(tree: dict[str, bytes], *targets: int) -> dict[str, bytes]:
    """Return *tree*, brought to one version after the other."""
    store = SnapshotStore(tree)
    for target in targets:
        Migration(ZKHandler.over(store), ZKSchema.at(target), force=True).carry_out()
    return store.tree


@examples(150)
@given(data=st.data(), start=numbers, target=numbers)
def test_whatever_the_tree_the_target_version_is_reached(data: st.DataObject, start: int, target: int) -> None:
    """Nothing is missing then but what daemons write, nothing is retired, and a second plan is empty."""
    tree = data.draw(trees(start))
    store = SnapshotStore(tree)
    handler = ZKHandler.over(store)
    Migration(handler, ZKSchema.at(target), force=True).carry_out()
    found = survey(store, ZKSchema.at(target), leaves=True)
    assert [missing for missing in found.missing if not missing.daemons] == []
    assert (found.retired, found.moved, found.stray, found.foreign) == ([], [], [], [])
    assert make_plan(store, ZKSchema.at(target)).is_empty
    after = store.tree
    assert Migration(handler, ZKSchema.at(target), force=True).carry_out().is_empty
    assert store.tree == after
    # What both versions have is as it was, but what the daemons of the older one start with.
    changed = {path for path in tree if path in after and after[path] != tree[path]} - {"/schema/version"}
    active = {path for path in after if path.startswith("/nodes/") and path.endswith("/activeschema")}
    assert changed <= (active if target < start else set())
    assert target >= start or {after[path] for path in active} <= {str(target).encode()}


@examples(150)
@given(data=st.data(), steps=st.lists(numbers, min_size=3, max_size=3).map(sorted))
def test_two_steps_up_are_one(data: st.DataObject, steps: list[int]) -> None:
    tree = data.draw(trees(steps[0]))
    assert migrated(tree, steps[2]) == migrated(tree, steps[1], steps[2])


@examples(150)
@given(data=st.data(), start=numbers, back=numbers)
def test_back_and_forth_keeps_what_both_versions_have(data: st.DataObject, start: int, back: int) -> None:
    whole = migrated(data.draw(trees(start)), start)
    there = migrated(whole, min(back, start))
    again = migrated(there, start)
    # A daemon's items may lack keys for good; all others have their structure again.
    assert {path for path in whole if path in again} >= {path for path in whole if path in there and path in again}
    for path, value in whole.items():
        if path in there and path in again and not path.endswith(("/version", "/activeschema")):
            assert again[path] == value
    found = survey(SnapshotStore(again), ZKSchema.at(start))
    assert [missing for missing in found.missing if not missing.daemons] == []


@given(data=st.data(), start=numbers, target=numbers, cut=st.floats(0, 1))
@examples(60)
def test_cutting_a_run_short_anywhere_and_starting_again_gives_the_same(
    data: st.DataObject, start: int, target: int, cut: float
) -> None:
    tree = data.draw(trees(start))
    undisturbed = migrated(tree, target)
    store = SnapshotStore(tree)
    plan = make_plan(store, ZKSchema.at(target))
    parts = [part for phase in plan.phases() for part in phase.parts()]
    for part in parts[: int(cut * len(parts))]:
        store.commit(part)
    Migration(ZKHandler.over(store), ZKSchema.at(target), force=True).carry_out()
    assert store.tree == undisturbed


# Moves: no version of PVC has one yet, the engine knows them all the same. The definition is a file as PVC's are.


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a version 16 in which profiles and VM tags go elsewhere, tags with all that is below them."""
    groups: dict[str, dict[str, str]] = {}
    for key, definition in ZKSchema().keys.items():
        group, _, name = key.partition(".")
        groups.setdefault(group, {})[name] = "" if definition.path == "/" else definition.path
    groups["domain"] |= {"place": "/place", "profile": "/place/profile", "meta.tags": "/labels"}
    groups["base"] |= {"config.upstream_ip": "/upstream", "thing": "/things"}
    groups["thing"] = {"name": "", "size": "/size"}
    del groups["domain"]["stats"]
    folder = tmp_path_factory.mktemp("definitions")
    (folder / "16.json").write_text(json.dumps({"version": "16", "root": "", **groups}))
    return folder


def over(tree: dict[str, bytes], definitions: Path) -> tuple[SnapshotStore, ZKHandler, ZKSchema]:
    store = SnapshotStore(tree)
    handler = ZKHandler.over(store, schema_dir=definitions)
    return store, handler, handler.schema_at(16)


def demo_tree() -> dict[str, bytes]:
    schema = ZKSchema()
    return {"/": b""} | {schema.path(key) or "": value.encode() for key, value in cluster(8, schema)}


def test_a_key_that_moves_takes_its_subtree_along(definitions: Path) -> None:
    tree = demo_tree()
    store, handler, target = over(tree, definitions)
    plan = make_plan(store, target)
    uuid = next(path.split("/")[2] for path in tree if path.endswith("/tags/stateful"))
    assert Change("move", f"/domains/{uuid}/tags", to=f"/domains/{uuid}/labels") in plan.changes()
    Migration(handler, target, force=True).carry_out()
    after = store.tree
    assert after[f"/domains/{uuid}/labels/stateful/protected"] == b"True"
    assert after[f"/domains/{uuid}/place/profile"] == tree[f"/domains/{uuid}/profile"]
    assert after["/upstream"] == b"10.0.0.250"
    assert after["/things"] == b""
    assert not any(path.startswith("/domains/") and ("/tags" in path or path.endswith("/stats")) for path in after)
    assert survey(store, target, leaves=True).stray == []
    # And back: the value of what was removed is gone, the rest is as it was.
    Migration(handler, handler.schema_at(15), force=True).carry_out()
    back = store.tree
    assert back.keys() == tree.keys()
    assert {path for path in tree if back[path] != tree[path]} == {
        path for path in tree if path.startswith("/domains/") and path.endswith("/stats")
    }


@examples(60)
@given(cut=st.floats(0, 1))
def test_a_move_that_is_cut_short_is_finished(definitions: Path, cut: float) -> None:
    whole, handler, target = over(demo_tree(), definitions)
    Migration(handler, target, force=True).carry_out()
    store, handler, _ = over(demo_tree(), definitions)
    plan = make_plan(store, target)
    parts = [part for phase in plan.phases() for part in phase.parts()]
    for part in parts[: int(cut * len(parts))]:
        store.commit(part)
    Migration(handler, target, force=True).carry_out()
    assert store.tree == whole.tree


@pytest.mark.parametrize("after_switch", [False, True])
def test_a_move_keeps_what_was_written_last(definitions: Path, after_switch: bool) -> None:
    """Old software writes at the source, new software at the target, while the move is interrupted."""
    store, handler, target = over(demo_tree(), definitions)
    expand, switch, _ = make_plan(store, target).phases()
    store.commit(list(expand.ops))
    uuid = next(path.split("/")[2] for path in store.tree if path.endswith("/profile"))
    if after_switch:
        store.commit(list(switch.ops))
    late = f"/domains/{uuid}/{'place/profile' if after_switch else 'profile'}"
    store.commit([Op("set", late, b"later")])
    Migration(handler, target, force=True).carry_out()
    assert store.tree[f"/domains/{uuid}/place/profile"] == b"later"


def test_a_source_that_is_created_again_while_it_moves_is_noticed(definitions: Path) -> None:
    """Deletions check versions, and those of a new znode are the same."""
    store, handler, target = over(demo_tree(), definitions)
    path = next(path for path in store.tree if path.endswith("/profile"))

    def recreate() -> None:
        if store.tree["/schema/version"] == b"16" and store.tree[path] != b"new":
            store.commit([Op("delete", path), Op("create", path, b"new")])

    with pytest.raises(ReplacedError, match="profile was deleted and created again"):
        Migration(handler, target, force=True).carry_out(Hooks(between_chunks=recreate))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a schema definition: Expecting value"),
        ("[]", "expected version 16"),
        ('{"version": "15"}', "expected version 16"),
        ('{"version": 16, "node": []}', "group 'node' is not an object"),
        ('{"version": 16, "node": {"x": "state"}}', "the path of 'node.x' is 'state'"),
        ('{"version": 16, "node": {"x": 3}}', "the path of 'node.x' is 3"),
        ('{"version": 16}', "it has no key base.domain"),
    ],
)
def test_a_malformed_definition_is_named_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "16.json").write_text(text)
    with pytest.raises(
        SchemaError, match=re.escape(f"{tmp_path / '16.json'} is not a schema definition: ") + ".*"
    ) as error:
        ZKHandler.over(SnapshotStore({"/": b""}), schema_dir=tmp_path).schema_at(16)
    assert why in str(error.value)


def test_a_version_that_no_folder_defines_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"version 17 is not known: this pvc knows 0 to 15.*--schema-dir"):
        ZKHandler.over(SnapshotStore({"/": b""}), schema_dir=tmp_path).schema_at(17)
