"""A backup that is read bit by bit, and kept on disk: the same as one that is read whole."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.errors import ConfigError, RefusedError
from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import ZKSchema, Znode, scanner
from pvc_cli.zk.backup import decode_backup, scan_backup
from pvc_cli.zk.snapshot import SnapshotStore
from pvc_cli.zk.spool import Spool
from pvc_cli.zk.spooled import SpoolStore
from pvc_cli.zk.store import Op, Read
from tests.conftest import examples

CONTENDER = "/schema/version/0123456789abcdef0123456789abcdef__lock__0000000000"
paths = st.lists(st.text('ab/ß\ud800"\\ ', max_size=3), max_size=3).map(lambda names: "/" + "/".join(names))
values = st.one_of(st.text(max_size=6), st.just('"\\\n\U0001f600\udc80'), st.integers())
documents = st.dictionaries(st.one_of(paths, st.just(CONTENDER)), values, max_size=6)


def read(text: str) -> dict[str, bytes] | str:
    """The tree in a backup as the spool has it, or why it is refused."""
    try:
        spool = Spool(scan_backup(io.StringIO(text), "it"))
    except ConfigError as error:
        return str(error).partition(":")[0]
    return {path: spool[path] for path in spool}


def read_whole(text: str) -> dict[str, bytes] | str:
    try:
        return decode_backup(text, "it")
    except ConfigError as error:
        return str(error).partition(":")[0]


@examples(400)
@given(document=documents, indent=st.sampled_from([None, 1]), ascii_only=st.booleans(), piece=st.integers(1, 30))
def test_a_backup_is_the_same_in_pieces(document: object, indent: int | None, ascii_only: bool, piece: int) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "_PIECE", piece)
        assert read(text) == read_whole(text)


@examples(400)
@given(text=st.text('{}[]":, /ab\\u0', max_size=14), piece=st.integers(1, 5))
def test_what_is_no_backup_is_none_in_pieces_either(text: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "_PIECE", piece)
        assert read(text) == read_whole(text)


def test_what_a_tree_has_is_taken_away_for_each_plan_anew() -> None:
    spool = Spool({"/b/c": b"1", "/a": b"2"}.items())
    first, second = spool.rest(), spool.rest()
    first.take(["/", "/b", "/not/there"])
    assert list(first) == [("/a", b"2"), ("/b/c", b"1")]
    assert [path for path, _ in second] == ["/", "/a", "/b", "/b/c"]
    assert spool.below("/b") == ["c"]
    assert sorted(spool.below("/")) == ["a", "b"]
    assert spool.values_of(["/a", "/no"]) == {"/a": b"2"}
    assert (len(spool), "/b" in spool, "/x" in spool) == (4, True, False)


def test_a_spool_reads_like_a_snapshot_and_is_never_changed() -> None:
    schema = ZKSchema()
    tree = {"/": b""} | {schema.path(key) or "": value.encode() for key, value in cluster(6, schema)}
    whole, spooled = SnapshotStore(tree), SpoolStore(Spool(tree.items()))
    reads = [Read(path, children) for path in (*tree, "/nope", "/nodes/x") for children in (False, True)]
    for one, other in zip(whole.read(reads), spooled.read(reads), strict=True):
        if isinstance(one, Znode) and isinstance(other, Znode):
            assert (one.data, bool(one.stat.children_count)) == (other.data, bool(other.stat.children_count))
        else:
            assert (sorted(one) if one else one) == (sorted(other) if other else other)
    assert [len(part) for part in spooled.stream(reads)] == [len(reads)]
    with pytest.raises(RefusedError, match="cannot change a backup while it is read"):
        spooled.commit([Op("delete", "/nodes")])
    with pytest.raises(RefusedError):
        spooled.lock("exclusivelock", "/schema/version")
