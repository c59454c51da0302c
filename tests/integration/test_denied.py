"""One VM that access control lists forbid stops nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from kazoo.security import make_acl

from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree

NOBODY = [make_acl("digest", "somebody:RcPAQ8YDiEd8fZNfHGmXsKo7xkM=", all=True)]
READ_ONLY = [make_acl("world", "anyone", read=True)]


def deny(tree: Tree, name: str, acl: list[object], but: str = "") -> str:
    """Put an access control list on all of a VM *but* one znode; return its UUID."""
    uuid = tree.uuid(name)
    for path in sorted(tree.dump(f"/domains/{uuid}"), reverse=True):
        if path != but:
            tree.client.set_acls(path, acl)
    return uuid


@pytest.mark.parametrize("acl", [NOBODY, READ_ONLY], ids=["unreadable", "read-only"])
@pytest.mark.parametrize("chunk", [5, 2000])
def test_a_bulk_change_goes_on_past_a_vm_that_it_may_not_change(
    demo: Callable[..., Tree], pvc: Pvc, monkeypatch: pytest.MonkeyPatch, acl: list[object], chunk: int
) -> None:
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", chunk)
    tree = demo()
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    words = ("vm", "tag", "add", "web-01,app-01,db-01,web-02", "blue", "-o", "json")
    uuid = deny(tree, "app-01", acl, but=f"/domains/{tree.uuid('app-01')}")
    for expected in ("changed", "unchanged"):
        result = pvc(*words)
        outcomes = {outcome["name"]: outcome for outcome in json.loads(result.out)["items"]}
        assert result.code == 1
        assert {name: outcome["status"] for name, outcome in outcomes.items()} == {
            "web-01": expected, "db-01": expected, "web-02": expected, "app-01": "failed",
        }  # fmt: skip
        assert f"ZooKeeper denied access to /domains/{uuid}/tags" in outcomes["app-01"]["reason"]
        assert "app-01: failed: ZooKeeper denied access to" in result.err
        assert result.err.splitlines()[-3].endswith("0 refused, 1 failed.")


@pytest.mark.parametrize("multiread", [True, False])
@pytest.mark.parametrize("words", ["vm list", "vm tag list", "cluster status", "node list", "sriov vf list"])
def test_a_listing_shows_the_rest_and_says_what_is_missing(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, words: str, multiread: bool
) -> None:
    monkeypatch.setattr("pvc_cli.connections.session.ZKHandler", partial(ZKHandler, multiread=multiread))
    uuid = deny(tree, "app-01", NOBODY)
    tree.client.set_acls("/nodes/pvchv3/memfree", NOBODY)
    tree.client.set_acls("/nodes/pvchv3/sriov/vf/ens1f0v0/used", NOBODY)
    result = on_tree(*words.split())
    hidden = f"/domains/{uuid}" if words.startswith(("vm", "cluster")) else "/nodes/pvchv3"
    assert result.code == 1
    assert "the output is incomplete: ZooKeeper denied access to" in result.err
    assert hidden in result.err
    assert result.err.count("Error: ") == 1
    if words == "vm list":
        assert ("web-01" in result.out, "app-01" in result.out) == (True, False)


def test_a_selection_that_can_match_nothing_is_refused(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    for options, code, said in (
        (("-s", "strat"), 2, "Error: PVC has no state 'strat': did you mean 'start'?\n"),
        (("-g", "produciton"), 1, "Error: no VM has a tag 'produciton': did you mean 'production'?\n"),
        (("-g", "zzz"), 0, "Nothing to change: no VM has a tag 'zzz': see 'pvc vm tag list'.\n"),
        (("-s", "migrate-live"), 0, "Nothing to change: no VM matches.\n"),
    ):
        result = on_tree("vm", "tag", "add", *options, "x")
        assert (result.code, result.out, result.err) == (code, "", said)
    assert tree.dump() == before


def test_a_foreign_root_that_may_not_be_read_is_left_out_of_a_backup_and_pvcs_own_is_not(
    on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    tree.put("/kafka/secret")
    for path in ("/kafka/secret", "/kafka"):
        tree.client.set_acls(path, NOBODY)
    file = tmp_path / "backup.json"
    result = on_tree("cluster", "backup", str(file))
    assert (result.code, "Warning: left out /kafka, or a part of it: it is not PVC's" in result.err) == (0, True)
    assert not any(path.startswith("/kafka") for path in json.loads(file.read_text()))
    tree.put("/config/maintenance", b"true")
    assert on_tree("cluster", "restore", str(file), "--yes", "--force", "--no-backup").code == 0
    assert on_tree("schema", "rollback", "--to", "13", "--yes", "--force").code == 0
    tree.client.set_acls("/nodes/pvchv3/memfree", NOBODY)
    result = on_tree("cluster", "backup", str(tmp_path / "other.json"))
    assert (result.code, result.out, result.err.count("Error: ")) == (1, "", 1)
    assert "the backup would not be whole: ZooKeeper denied access to" in result.err
    assert "/nodes/pvchv3/memfree" in result.err
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["backup.json"]
