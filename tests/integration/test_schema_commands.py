from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.zk import ZKSchema
from tests.conftest import Pvc, Tree, without_daemons


@pytest.fixture(name="demo")
def stopped_demo(demo: Callable[..., Tree]) -> Callable[..., Tree]:
    return without_daemons(demo)


def test_show_says_what_the_cluster_has_and_what_its_nodes_know(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = demo(version=13)
    tree.put("/nodes/pvchv2/latestschema", b"13")
    tree.put("/nodes/pvchv3/activeschema", b"")
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    held_back = "pvchv2 knows only version 13: no daemon upgrades the cluster to 15 before all do."
    assert json.loads(pvc("schema", "show", "-o", "json").out) == {
        "version": 13,
        "latest_known": 15,
        "nodes": [
            {"name": "pvchv1", "active": 13, "latest": 15, "daemon_state": "stop"},
            {"name": "pvchv2", "active": 13, "latest": 13, "daemon_state": "stop"},
            {"name": "pvchv3", "active": None, "latest": 15, "daemon_state": "stop"},
        ],
        "pending": [14, 15],
        "daemons": {"state": "held_back", "nodes": ["pvchv2"], "message": held_back},
    }
    assert pvc("schema", "show").out.splitlines() == [
        "Version:      13",
        "Newest known: 15",
        "Pending:      14, 15",
        "",
        "NODE    RUNS  KNOWS UP TO",
        "pvchv1    13           15",
        "pvchv2    13           13",
        "pvchv3     ?           15",
        "",
        held_back,
    ]
    assert pvc("schema", "show", "-o", "name").out == "13\n"


def test_show_works_at_version_0_and_on_a_tree_without_nodes(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = demo(version=0)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    upgrade = "All nodes know version 15: the next daemon that starts upgrades the cluster to it."
    assert pvc("schema", "show").out.splitlines()[-1] == upgrade
    tree.client.delete("/nodes", recursive=True)
    assert pvc("schema", "show").out.splitlines()[-2:] == ["", "The cluster has no nodes."]
    assert json.loads(pvc("schema", "show", "-o", "json").out)["daemons"]["state"] == "no_nodes"


def test_show_of_a_version_lists_its_keys_without_a_cluster(pvc: Pvc) -> None:
    document = json.loads(pvc("schema", "show", "--version", "3", "-o", "json").out)
    assert (document["version"], document["summary"]) == (3, "Tags on VMs.")
    assert {"key": "tag.type", "path": "/type", "since": 3, "default": "user"} in document["keys"]
    names = pvc("schema", "show", "--version", "15", "-o", "name").out.split()
    assert len(names) == 166
    assert "base.cmd" not in names


@pytest.mark.parametrize("version", ["16", "-1", "99999999999"])
def test_an_unknown_version_is_refused(pvc: Pvc, version: str) -> None:
    result = pvc("schema", "show", f"--version={version}")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "this pvc knows 0 to 15" in result.err


def test_history_tells_what_each_version_brought(pvc: Pvc) -> None:
    documents = json.loads(pvc("schema", "history", "-o", "json").out)
    assert [document["version"] for document in documents] == list(range(16))
    assert documents[10]["removed"] == ["base.cmd", "base.cmd.node", "base.cmd.domain", "base.cmd.ceph"]
    assert documents[3]["added"] == ["domain.meta.tags", "tag.name", "tag.type", "tag.protected"]
    assert pvc("schema", "history").out.splitlines()[4].split()[:3] == ["3", "4", "0"]
    assert pvc("schema", "history", "-o", "name").out.split() == [str(n) for n in range(16)]


GONE = "00000000-0000-4000-8000-000000000000"


def test_path_asks_the_clusters_own_version(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = demo(version=2)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    assert pvc("schema", "path", "domain.state", "web-01").out == f"/domains/{tree.uuid('web-01')}/state\n"
    assert pvc("schema", "path", "domain.state", GONE).out == f"/domains/{GONE}/state\n"
    assert pvc("schema", "path", "domain.state", "web-1").err == (
        "Error: there is no VM 'web-1': did you mean 'web-01'?\n"
    )
    result = pvc("schema", "path", "domain.meta.tags", "web-01", "tag.type", "t")
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: schema version 2 has no key 'domain.meta.tags': added in 3\n"
    assert json.loads(
        pvc("schema", "path", "domain.meta.tags", GONE, "tag.type", "t", "--version", "3", "-o", "json").out
    ) == {
        "key": "domain.meta.tags",
        "items": [GONE, "tag.type", "t"],
        "version": 3,
        "path": f"/domains/{GONE}/tags/t/type",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("base.cmd",), 1, "added in 0, removed in 10"),
        (("base.nope",), 1, "no version has it"),
        (("upstream_ip",), 1, "no version has it; did you mean 'base.config.upstream_ip'?"),
        (("domain.stat", "u"), 1, "no version has it; did you mean 'domain.state' or 'domain.stats'?"),
        (("tag.type", "x"), 2, "needs a parent item: give domain.meta.tags and its item before it"),
        (("domain.meta.tags", "u", "tag.nope", "t"), 1, "'tag.nope': no version has it"),
        (("node.sriov",), 2, "needs an item: name a node"),
        (("domain.state", "web-01"), 2, "'web-01' is not a UUID: omit --version"),
        (("domain.state", "a/b"), 2, "contains a slash"),
        (("domain.state", ""), 2, "an empty string is not"),
    ],
)
def test_a_key_without_a_path_is_one_helpful_line(pvc: Pvc, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = pvc("schema", "path", "--version", "15", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert said in result.err


def test_a_cluster_newer_than_this_pvc_is_left_alone(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/schema/version", b"16")
    before = tree.dump()
    for arguments in (("vm", "list"), ("vm", "tag", "add", "web-01", "t"), ("schema", "show")):
        result = on_tree(*arguments)
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
        assert "schema version 16 is not known: this pvc knows 0 to 15: upgrade pvc" in result.err
    assert tree.dump() == before


def test_a_newer_cluster_is_understood_with_the_definitions_of_its_pvc(
    on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    groups: dict[str, dict[str, str]] = {}
    for key, definition in ZKSchema().keys.items():
        group, _, name = key.partition(".")
        groups.setdefault(group, {})[name] = definition.path.replace("//", "/").rstrip("/")
    groups["domain"]["mood"] = "/mood"
    (tmp_path / "16.json").write_text(json.dumps({"version": 16, "root": "", **groups}))
    known = ("--schema-dir", str(tmp_path))
    assert json.loads(on_tree(*known, "schema", "show", "-o", "json").out)["pending"] == [16]
    assert on_tree(*known, "schema", "diff", "15", "16", "-o", "name").out == "domain.mood\n"
    assert on_tree(*known, "schema", "history", "-o", "name").out.split()[-1] == "16"
    result = on_tree(*known, "schema", "upgrade", "--yes", "--no-backup")
    assert (result.code, "knows only version 15" in result.err) == (1, True)
    assert on_tree(*known, "schema", "upgrade", "--yes", "--no-backup", "--force").code == 0
    assert tree.client.exists(f"/domains/{tree.uuid('web-01')}/mood")
    assert on_tree(*known, "schema", "validate").code == 0
    assert on_tree(*known, "vm", "list", "-o", "name").out.count("\n") == 20
    assert "Nothing to do" in on_tree(*known, "schema", "upgrade").err
    assert on_tree("vm", "list").code == 1
    assert on_tree(*known, "schema", "rollback", "--to", "15", "--yes", "--no-backup").code == 0
    assert on_tree("schema", "validate").code == 0
