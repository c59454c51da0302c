"""An item is copied as far as the other tree's version has it."""

from __future__ import annotations

from pvc_cli.zk import ZKSchema, Znode
from pvc_cli.zk.copying import fit
from pvc_cli.zk.store import Stat, pack_stat


def test_locks_are_never_copied_and_missing_keys_get_their_defaults() -> None:
    stat = pack_stat(Stat(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    contender = f"/domains/u/state/{'0123456789abcdef' * 2}__lock__0000000001"
    tree = {path: Znode(b"v", stat) for path in ("/domains/u", "/domains/u/state", contender, "/domains/u/odd/x")}
    tree["/domains/u/odd"] = Znode(b"", stat)
    copy = fit(ZKSchema(), tree)
    assert copy.left_out == []
    assert contender not in copy.values
    assert {path for path, value in copy.values.items() if value == b"v"} == tree.keys() - {
        contender,
        "/domains/u/odd",
    }
    assert copy.values["/domains/u/migration_max_downtime"] == b"300"


def test_what_another_version_has_is_left_out_with_all_below_it() -> None:
    stat = pack_stat(Stat(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    paths = ("/domains/u", "/domains/u/tags", "/domains/u/tags/t", "/domains/u/tags/t/type")
    copy = fit(ZKSchema.at(0), {path: Znode(b"", stat) for path in paths})
    assert copy.left_out == ["/domains/u/tags"]
    assert not any("tags" in path for path in copy.values)
