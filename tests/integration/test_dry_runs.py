"""Dry runs: by the names of what would be changed, every line marked, equal changes in one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.commands._common import tree_dry_run
from tests.conftest import Pvc, Tree


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("vm tag add web-01 blue", ["would change web-01: + tag blue"]),
        ("vm tag add web-01 blue -p --type system", ["would change web-01: + tag blue (system, protected)"]),
        ("vm tag remove web-01 production", ["would change web-01: - tag production"]),
        ("vm stop web-01", ["would change web-01: state start -> stop"]),
        ("vm meta set web-01 --limit pvchv1,pvchv2", ["would change web-01: node_limit (none) -> pvchv1,pvchv2"]),
        ("node flush pvchv2", ["would change node pvchv2: state.domain ready -> flush"]),
        ("cluster maintenance on", ["would change cluster: maintenance off -> on"]),
        ("sriov vf set pvchv1 ens1f0v1 --vlan-id 7 --trust", [
            "would change pvchv1/ens1f0v1: trust off -> on; vlan_id 0 -> 7"
        ]),
        ("sriov vf set pvchv1 ens1f0v1,ens1f0v3 --tx-max 100", [
            "would change 2 VFs: tx_rate_max 0 -> 100 (pvchv1/ens1f0v1, pvchv1/ens1f0v3)"
        ]),
        ("sriov vf claim pvchv1 ens1f0v3 web-01", [
            "would change pvchv1/ens1f0v3: used no -> yes; used_by (none) -> web-01"
        ]),
        ("vm tag add web-01,web-02,db-01 blue", ["would change 3 VMs: + tag blue (db-01, web-01, web-02)"]),
    ],
)  # fmt: skip
def test_a_dry_run_says_by_name_what_would_change(on_tree: Pvc, tree: Tree, words: str, lines: list[str]) -> None:
    before = tree.dump()
    result = on_tree(*words.split(), "--dry-run")
    assert (result.code, result.out.splitlines()) == (0, lines)
    assert tree.dump() == before


def test_many_equal_changes_are_one_line_and_all_names_a_list(on_tree: Pvc) -> None:
    result = on_tree("vm", "tag", "add", "--all", "oops", "--dry-run")
    vms = on_tree("vm", "list", "-o", "name").out.splitlines()
    assert result.out == f"would change {len(vms)} VMs: + tag oops ({', '.join(vms[:8])}, …; all: -o name)\n"
    assert result.err == f"Dry run: {len(vms)} changed, 0 unchanged, 0 refused.\n"
    assert on_tree("vm", "tag", "add", "--all", "oops", "--dry-run", "-o", "name").out.splitlines() == vms


def test_the_znodes_of_a_dry_run_are_shown_where_they_are_asked_for(on_tree: Pvc, tree: Tree) -> None:
    top = f"/domains/{tree.uuid('web-01')}/tags/blue"
    result = on_tree("vm", "tag", "add", "web-01", "blue", "--dry-run", "--paths")
    assert result.out.splitlines() == [
        f"would create {top} = 'blue'",
        f"would create {top}/type = 'user'",
        f"would create {top}/protected = 'False'",
    ]
    alone = on_tree("vm", "tag", "add", "web-01", "blue", "--paths")
    assert (alone.code, "--paths goes with --dry-run" in alone.err) == (2, True)


def test_a_dry_run_of_a_whole_tree_begins_with_a_summary(on_tree: Pvc) -> None:
    result = on_tree("schema", "rollback", "--to", "12", "--force", "--dry-run", "--paths")
    assert "Dry run: /domains: " in result.err
    assert all(line.startswith("would ") for line in result.out.splitlines())
    named = on_tree("schema", "rollback", "--to", "12", "--force", "--dry-run")
    assert [line for line in named.err.splitlines() if line.startswith("Dry run: ")][:3] == [
        "Dry run: cluster to change",
        "Dry run: 3 nodes to change (pvchv1, pvchv2, pvchv3)",
        "Dry run: 20 VMs to change (app-01, app-02, build-01, …)",
    ]
    assert "/" not in named.out


def test_a_dry_run_of_a_restore_names_what_it_changes(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(backup))
    on_tree("vm", "tag", "add", "app-01,app-02", "newer")
    tree.put(f"/domains/{tree.uuid('web-01')}/profile", b"other")
    tree.put("/nodes/pvchv1/ipmipassword", b"hunter2")
    gone, new = tree.uuid("db-01"), "0" * 8 + "-0000-4000-8000-" + "0" * 12
    tree.client.delete(f"/domains/{gone}", recursive=True)
    for path, value in (("", b"guest"), ("/state", b"stop"), ("/tags", b""), ("/tags/x", b"x")):
        tree.client.create(f"/domains/{new}{path}", value)
    before = tree.dump()
    command = ("cluster", "restore", str(backup), "--force", "--dry-run")
    result = on_tree(*command)
    assert result.out.splitlines() == [
        "would change node pvchv1: ipmi.password changed",
        "would change 2 VMs: - tag newer (app-01, app-02)",
        "would create VM db-01",
        "would delete VM guest",
        "would change web-01: profile other -> web-small",
    ]
    assert result.err.splitlines()[1:5] == [
        "Dry run: 1 node to change (pvchv1)",
        "Dry run: 3 VMs to change (app-01, app-02, web-01)",
        "Dry run: 1 VM to create (db-01)",
        "Dry run: 1 VM to delete (guest)",
    ]
    assert "ipmi.password hunter2 -> Passw0rd" in on_tree(*command, "--show-secrets").out
    names = ["pvchv1", "app-01", "app-02", "db-01", "guest", "web-01"]
    assert on_tree(*command, "-o", "name").out.split() == names
    document = json.loads(on_tree(*command, "-o", "json").out)
    items = document["items"]
    assert ([item["name"] for item in items], document["counts"]["changed"]) == (names, 6)
    assert [item.get("uuid") for item in items[3:5]] == [gone, new]
    listed = [change for item in items for change in item["changes"]]
    assert sorted(listed, key=str) == sorted(document["changes"], key=str)
    assert "Passw0rd" not in json.dumps(document)
    paths = [change["path"] for change in document["changes"]]
    assert on_tree(*command, "--paths", "-o", "name").out.split() == paths
    assert [line.split()[2] for line in on_tree(*command, "--paths").out.splitlines()] == paths
    assert tree.dump() == before


def test_the_vfs_of_a_node_that_goes_are_not_told_of_by_themselves(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    kept = json.loads(on_tree("cluster", "backup", "-").out)
    backup.write_text(json.dumps({path: v for path, v in kept.items() if not path.startswith("/nodes/pvchv3")}))
    command = ("cluster", "restore", str(backup), "--force", "--dry-run")
    assert on_tree(*command).out == "would delete node pvchv3\n"
    items = json.loads(on_tree(*command, "-o", "json").out)["items"]
    assert [item["name"] for item in items] == ["pvchv3"]
    assert sum("/sriov/vf/" in change["path"] for change in items[0]["changes"]) == sum(
        path.startswith("/nodes/pvchv3/sriov/vf/") for path in kept
    )


def test_what_a_restore_announces_has_names(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(backup))
    on_tree("vm", "tag", "add", "app-01,app-02", "newer")
    result = on_tree("cluster", "restore", str(backup), "--force", "--yes", "--no-backup")
    assert (result.code, result.err.splitlines()[1]) == (0, "  2 VMs to change (app-01, app-02)")


def test_equal_changes_of_a_migration_are_one_line(on_tree: Pvc) -> None:
    result = on_tree("schema", "rollback", "--to", "14", "--force", "--dry-run")
    assert result.out.splitlines() == [
        "would change cluster: - fence_lock; schema.version 15 -> 14",
        "would change 3 nodes: data.active_schema 15 -> 14 (pvchv1, pvchv2, pvchv3)",
    ]


def test_a_dry_run_shows_no_secret(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv1/ipmipassword", b"Passw0rd-of-old")
    result = on_tree("key", "set", "node.ipmi.password", "pvchv1", "Passw0rd", "--dry-run")
    assert (result.code, result.out) == (0, "would change node pvchv1: ipmi.password changed\n")
    shown = on_tree("key", "set", "node.ipmi.password", "pvchv1", "Passw0rd", "--dry-run", "-o", "json")
    assert "Passw0rd" not in shown.out
    assert json.loads(shown.out)["dry_run"] is True


@pytest.mark.parametrize(
    "words",
    [
        "vm tag add web-01,web-02 blue production",
        "vm tag remove --all production",
        "vm stop web-01,web-02 --force",
        "sriov vf set pvchv1 ens1f0v1,ens1f0v2 --vlan-id 7",
        "sriov vf claim pvchv1 ens1f0v3 web-01 --type hostdev",
        "sriov vf release pvchv1 ens1f0v1 --force",
        "sriov pf rename pvchv1 ens1f0 ens1f0np0",
        "key set base.config.migration_target_selector load",
        "cluster maintenance on",
    ],
)
def test_a_dry_run_and_the_real_run_give_one_document(on_tree: Pvc, words: str) -> None:
    dry = json.loads(on_tree(*words.split(), "--dry-run", "-o", "json").out)
    real = json.loads(on_tree(*words.split(), "-o", "json").out)
    assert real["items"]
    assert (dry["items"], dry["counts"]) == (real["items"], real["counts"])
    assert [dry["dry_run"], "dry_run" in real] == [True, False]
    assert dry["changes"] == [change for item in dry["items"] for change in item.get("changes", [])]


@pytest.mark.parametrize(
    "words",
    [
        "schema apply --prune",
        "schema rollback --to 12 --force --no-backup --yes",
        "cluster restore {backup} --force --no-backup --yes",
    ],
)
def test_a_change_of_the_whole_tree_gives_programs_the_items_of_its_dry_run(
    on_tree: Pvc, tree: Tree, tmp_path: Path, words: str
) -> None:
    backup = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(backup))
    tree.client.delete(f"/domains/{tree.uuid('db-01')}", recursive=True)
    tree.put("/snapshots")
    command = words.format(backup=backup).split()
    dry = json.loads(on_tree(*command, "--dry-run", "-o", "json").out)
    result = on_tree(*command, *(["--yes"] if "--yes" not in command else []), "-o", "json")
    real = json.loads(result.out)
    assert (result.code, list(real)) == (0, ["items", "counts"])
    assert dry["items"]
    assert (dry["items"], dry["counts"]) == (real["items"], real["counts"])
    again = on_tree(*command, *(["--yes"] if "--yes" not in command else []), "-o", "json")
    assert (again.code, json.loads(again.out)["items"]) == (0, [])


def test_what_nobody_is_told_of_a_change_of_the_whole_tree_is_not_named(
    on_tree: Pvc, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take a while, under the lock."""
    backup = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(backup))
    tree.put("/snapshots")
    named: list[object] = []

    def note(*arguments: object, **_: object) -> dict[str, object]:
        named.append(arguments)
        return {}

    monkeypatch.setattr(tree_dry_run, "name_tree", note)
    commands = (
        ("schema", "apply", "--prune", "--yes"),
        ("schema", "rollback", "--to", "14", "--force", "--no-backup", "--yes"),
        ("cluster", "restore", str(backup), "--force", "--no-backup", "--yes"),
    )
    for command in commands:
        assert on_tree("-q", *command).code == 0
    assert named == []
    assert on_tree("schema", "rollback", "--to", "14", "--force", "--no-backup", "--yes").code == 0
    assert len(named) == 1


def test_repairs_of_claims_are_one_document_too(on_tree: Pvc, tree: Tree) -> None:
    top = "/nodes/pvchv1/sriov/vf/ens1f0v3"
    tree.put(f"{top}/used", b"True")
    tree.put(f"{top}/used_by", tree.uuid("web-01").encode())
    dry = json.loads(on_tree("sriov", "vf", "audit", "--fix", "--dry-run", "-o", "json").out)
    real = json.loads(on_tree("sriov", "vf", "audit", "--fix", "-o", "json").out)
    assert [item["name"] for item in real["items"]] == ["pvchv1/ens1f0v3"]
    assert (dry["items"], dry["counts"]) == (real["items"], real["counts"])


@pytest.mark.parametrize("words", ["schema rollback --to 14", "cluster restore {backup}"])
def test_a_dry_run_of_what_would_be_refused_says_so_as_the_real_run_does(
    demo: Callable[..., Tree], pvc: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    tree = demo()
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    backup = tmp_path / "backup.json"
    pvc("cluster", "backup", str(backup))
    tree.put("/config/upstream_ip", b"192.0.2.1")
    for node in tree.client.get_children("/nodes"):
        tree.put(f"/nodes/{node}/daemonstate", b"run")
    before = tree.dump()
    command = words.format(backup=backup).split()
    real = pvc(*command, "--yes")
    dry = pvc(*command, "--dry-run")
    assert (real.code, dry.code, dry.out != "") == (1, 1, True)
    assert "Warning: cannot" not in dry.err
    assert dry.err.splitlines()[-2:] == ["Dry run: as things are, this would be refused.", real.err.strip()]
    document = pvc(*command, "--dry-run", "-o", "json")
    assert (document.code, bool(json.loads(document.out)["changes"])) == (1, True)
    assert json.loads(document.err.splitlines()[-1])["error"]["kind"] == "refused"
    assert pvc(*command, "--dry-run", "--force").code == 0
    assert tree.dump() == before


def test_a_dry_run_of_a_restore_into_the_tree_of_others_is_refused(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    on_tree("cluster", "backup", str(backup))
    for name in tree.client.get_children("/"):
        tree.client.delete(f"/{name}", recursive=True)
    tree.put("/theirs", b"x")
    command = ("cluster", "restore", str(backup), "--dry-run")
    assert (on_tree(*command).code, on_tree(*command, "--into-foreign").code) == (1, 0)


def test_a_dry_run_of_what_a_queue_for_a_lock_forbids_is_refused(on_tree: Pvc, tree: Tree) -> None:
    lock = f"/domains/{tree.uuid('web-01')}/tags/production"
    contender = f"{lock}/{'0' * 32}__lock__0000000000"
    tree.client.create(contender, ephemeral=True)
    real = on_tree("schema", "rollback", "--to", "2", "--force", "--yes", "--no-backup")
    dry = on_tree("schema", "rollback", "--to", "2", "--force", "--dry-run")
    assert (dry.code, contender in dry.err) == (real.code, True)


@pytest.mark.parametrize(
    "words",
    [
        "vm stop web-01", "cluster maintenance on", "vm meta set web-01 --autostart", "vm tag add web-01 blue",
        "sriov vf set pvchv1 ens1f0v1 --vlan-id 7", "sriov vf claim pvchv1 ens1f0v3 web-01 --type hostdev",
    ],
)  # fmt: skip
@pytest.mark.parametrize("style", ["table", "json", "name"])
def test_a_dry_run_says_once_what_would_be_changed(on_tree: Pvc, words: str, style: str) -> None:
    result = on_tree(*words.split(), "--dry-run", "-o", style)
    assert (result.code, "would be" in result.err, "would change" in result.err) == (0, False, False)
    assert result.out


def test_several_tags_of_several_vms_are_counted_as_such(on_tree: Pvc) -> None:
    command = ("vm", "tag", "add", "web-01,web-02", "blue", "green")
    dry, documented = on_tree(*command, "--dry-run"), on_tree(*command, "--dry-run", "-o", "json")
    assert dry.err == "Dry run: 4 tags of 2 VMs: 4 changed, 0 unchanged, 0 refused.\n"
    assert json.loads(documented.out)["counts"]["changed"] == len(json.loads(documented.out)["items"]) == 4
    assert on_tree(*command).err.endswith("4 tags of 2 VMs: 4 changed, 0 unchanged, 0 refused.\n")
    assert on_tree("vm", "tag", "add", "web-01", "blue", "red").err.endswith(
        "2 tags of 1 VM: 1 changed, 1 unchanged, 0 refused.\n"
    )
    # What is one tag of each is counted by VMs.
    assert on_tree("vm", "tag", "remove", "web-01,web-02", "blue").err.endswith(
        "2 changed, 0 unchanged, 0 refused.\n"
    )


def test_what_would_stay_as_it_is_is_marked_as_of_a_dry_run(on_tree: Pvc) -> None:
    for words, line in (
        ("vm tag add web-01 frontend", "web-01: tag 'frontend' unchanged: already set."),
        ("vm start web-01", "web-01: unchanged: is in state start."),
        ("vm meta set web-01 --no-autostart", "web-01: unchanged: has these values."),
        ("cluster maintenance off", "cluster: unchanged: maintenance mode off."),
    ):
        dry = on_tree(*words.split(), "--dry-run")
        assert (dry.code, dry.out, dry.err) == (0, "", f"Dry run: {line}\n"), words
        assert on_tree(*words.split()).err == f"{line}\n"


def test_a_dry_run_that_changes_no_vf_is_marked_and_short(on_tree: Pvc) -> None:
    one = on_tree("sriov", "vf", "set", "pvchv1/ens1f0v1", "--vlan-id", "0", "--dry-run")
    assert (one.code, one.out, one.err) == (0, "", "Dry run: pvchv1/ens1f0v1: unchanged.\n")
    names = ",".join(f"ens1f{port}v{index}" for port in (0, 1) for index in range(4))
    few = on_tree("sriov", "vf", "set", "pvchv1", names, "--no-trust", "--dry-run").err.splitlines()
    assert all(line.startswith("Dry run: ") for line in few)
    assert few[-1] == "Dry run: 0 changed, 8 unchanged, 0 refused."
    many = " ".join(f"pvchv{node}/{name}" for node in (1, 2) for name in names.split(","))
    result = on_tree("sriov", "vf", "set", *many.split(), "--no-trust", "--dry-run")
    assert result.err == "Dry run: 0 changed, 16 unchanged, 0 refused.\n"
