"""The dry run of an undo shows all that it would change, and no undo puts back what would block PVC."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.conftest import Pvc, Tree, changes_between

STUCK = "0123456789abcdef0123456789abcdef__lock__0000000007"
LOCK = "/config/primary_node/sync_lock"


def changed_again(on_tree: Pvc, *words: str) -> str:
    """The ID of the entry that a command leaves."""
    result = on_tree(*words)
    assert result.code == 0, result.err
    return on_tree("history", "list", "-o", "name").out.split()[0]


def name_at(path: str, names: dict[str, str]) -> str:
    """What people call the thing that the znode at *path* is of, without the code under test."""
    _, top, item, *rest = [*path.split("/"), "", "", ""]
    if top == "domains":
        return names[item]
    if top == "nodes" and rest[0] == "sriov":
        return f"{item}/{rest[2]}"
    return "cluster" if top in ("config", "tags") else item


def names_of(tree: dict[str, bytes]) -> dict[str, str]:
    """The names of VMs by their UUIDs."""
    return {path.split("/")[2]: name.decode() for path, name in tree.items() if re.fullmatch("/domains/[^/]+", path)}


@pytest.mark.parametrize(
    "words",
    [
        ("vm", "tag", "add", "web-01,web-02", "blue", "-p"),
        ("vm", "tag", "remove", "-g", "frontend", "frontend"),
        ("vm", "tag", "rename", "frontend", "front"),
        ("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--vlan-id", "7", "--trust"),
        ("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01"),
        ("sriov", "pf", "rename", "pvchv1", "ens1f0", "ens9"),
        ("sriov", "vf", "release", "pvchv1", "ens1f0v0", "--force"),
        ("vm", "meta", "set", "web-01,web-02", "--autostart", "--profile", "other"),
        ("vm", "meta", "set", "web-01", "--profile", ""),
        ("key", "set", "domain.profile", "web-01", ""),
        ("key", "set", "node.ipmi.password", "pvchv1", "hunter2"),
        ("fault", "delete", "--all"),
        ("fault", "ack", "--all"),
        ("cluster", "maintenance", "on"),
        ("schema", "apply", "--prune", "--yes", "--force"),
        ("cluster", "restore", "BACKUP", "--yes"),
    ],
)
def test_a_dry_run_shows_every_thing_that_the_undo_changes(
    on_tree: Pvc, tree: Tree, tmp_path: object, words: tuple[str, ...]
) -> None:
    file = f"{tmp_path}/backup.json"
    assert on_tree("cluster", "backup", file).code == 0
    vms = {name: f"/domains/{tree.uuid(name)}" for name in ("lab-01", "web-02", "db-01")}
    if words[:2] == ("cluster", "restore"):
        tree.put(f"{vms['web-02']}/profile", b"other")
        tree.put(f"{vms['db-01']}/tags/extra", b"extra")
        tree.client.delete(f"{vms['lab-01']}/profile")
        for node in tree.client.get_children("/nodes"):
            tree.put(f"/nodes/{node}/daemonstate", b"stop")
    if words[:2] == ("schema", "apply"):
        tree.client.delete(f"{vms['lab-01']}/profile")
        tree.put(f"{vms['web-02']}/node_autostart")
        tree.put(f"{vms['db-01']}/bogus")
        tree.put(f"{LOCK}/{STUCK}")
    if words[:2] == ("fault", "ack"):
        for fault in tree.client.get_children("/faults"):
            tree.put(f"/faults/{fault}/status", b"new")
            tree.put(f"/faults/{fault}/ack_time")
    before = tree.dump()
    entry = changed_again(on_tree, *(file if word == "BACKUP" else word for word in words))
    after = tree.dump()
    dry = on_tree("undo", entry, "--dry-run")
    document = json.loads(on_tree("undo", entry, "--dry-run", "-o", "json").out)
    by_paths = on_tree("undo", entry, "--dry-run", "--paths").out
    assert tree.dump() == after
    assert on_tree("undo", entry).code == 0
    changed = changes_between(after, tree.dump())
    before.pop(f"{LOCK}/{STUCK}", None)
    assert tree.dump() == before
    assert {change["path"] for change in document["changes"]} == changed.keys()
    assert all(f" {path}" in by_paths for path in changed)
    names = {name_at(path, names_of(before)) for path in changed}
    lines = dry.out.splitlines()
    assert {name for name in names if any(name in line for line in lines)} == names
    # What changes is named, too, but for what comes and goes with a thing as a whole.
    tops = [path for path, value in changed.items() if value is None or path not in after]
    for path in changed:
        if not any(path.startswith(f"{top}/") for top in tops):
            last = path.rpartition("/")[2]
            word = {"node_autostart": "autostart", "ipmipassword": "ipmi.password"}.get(last, last)
            name = name_at(path, names_of(before))
            assert any(name in line and (word in line or last == name or word in names_of(before)) for line in lines)


def test_a_stuck_lock_is_not_put_back(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"{LOCK}/{STUCK}")
    tree.put(f"/domains/{tree.uuid('web-02')}/node_autostart")
    entry = changed_again(on_tree, "schema", "apply", "--prune", "--yes")
    assert tree.client.get_children(LOCK) == []
    said = "Left out: 1 stuck lock contender on base.config.primary_node.sync_lock: restored, it would block PVC.\n"
    for words in (("--dry-run",), ()):
        result = on_tree("undo", entry, *words)
        assert (result.code, said in result.err) == (0, True)
        assert tree.client.get_children(LOCK) == []
    assert STUCK not in on_tree("undo", entry, "--dry-run", "-o", "json").out


def test_what_removed_nothing_but_a_stuck_lock_has_nothing_to_undo(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    tree.put(f"/domains/{uuid}/state/{STUCK}")
    entry = changed_again(on_tree, "schema", "apply", "--prune", "--yes")
    before = tree.dump()
    result = on_tree("undo", entry)
    assert (result.code, tree.dump()) == (0, before)
    assert "1 stuck lock contender on domain.state web-01" in result.err


def test_what_belongs_to_a_session_is_not_pruned_so_that_no_undo_puts_it_back(on_tree: Pvc, tree: Tree) -> None:
    mark = f"/domains/{tree.uuid('web-01')}/bogus"
    tree.client.create(mark, b"x", ephemeral=True)
    on_tree("schema", "apply", "--prune", "--yes", "--force")
    assert tree.client.exists(mark)
    assert on_tree("history", "list", "-o", "name").out == ""


def test_last_is_a_word_and_there_is_no_redo(on_tree: Pvc) -> None:
    for words in (("undo",), ("history", "show")):
        result = on_tree(*words, "--last")
        assert (result.code, result.err) == (
            2,
            f"Error: last is a word, not an option: run 'pvc {' '.join(words)} last': see 'pvc {' '.join(words)}"
            " --help'\n",
        )
    redo = on_tree("redo")
    assert (redo.code, redo.err) == (
        2,
        "Error: No such command 'redo': to redo what was undone, undo the undo: run 'pvc undo ID' with its ID from"
        " 'pvc history list': see 'pvc --help'\n",
    )


STATES: list[tuple[str, tuple[str, ...], str]] = [
    ("start", ("vm", "stop", "web-01,web-02"), "pvc vm start web-01,web-02"),
    ("start", ("vm", "shutdown", "web-01,web-02"), "pvc vm start web-01,web-02"),
    ("stop", ("vm", "start", "web-01,web-02"), "pvc vm shutdown web-01,web-02"),
    ("stop", ("vm", "disable", "web-01,web-02"), "pvc vm stop web-01,web-02"),
    ("disable", ("vm", "stop", "web-01,web-02"), "pvc vm disable web-01,web-02"),
    ("disable", ("vm", "start", "web-01,web-02"), "pvc vm disable web-01,web-02"),
]


@pytest.mark.parametrize(("state", "words", "opposite"), STATES)
def test_what_daemons_may_have_acted_on_is_one_line_with_the_command_that_undoes_it(
    on_tree: Pvc, tree: Tree, state: str, words: tuple[str, ...], opposite: str
) -> None:
    for name in ("web-01", "web-02"):
        tree.put(f"/domains/{tree.uuid(name)}/state", state.encode())
    changed_again(on_tree, *words)
    before = tree.dump()
    for options in ((), ("--dry-run",)):
        result = on_tree("undo", "last", *options)
        assert (result.code, tree.dump()) == (1, before)
        assert result.err.splitlines()[-1] == (
            f"Error: 2 refused: daemons may have acted on the state: run '{opposite}' (web-01, web-02)"
        )
    for name in ("web-01", "web-02"):  # once the daemon has shut it down
        if words[1] == "shutdown":
            tree.put(f"/domains/{tree.uuid(name)}/state", b"stop")
    assert on_tree(*opposite.split()[1:], "--dry-run").code == 0


def test_a_restart_cannot_be_undone_by_any_command(on_tree: Pvc, tree: Tree) -> None:
    changed_again(on_tree, "vm", "restart", "web-01")
    assert "web-01: refused: daemons may have acted on the state, which was start: see 'pvc vm info web-01'" in (
        on_tree("undo", "last").err
    )


def test_many_vms_that_daemons_may_have_acted_on_flood_no_screen(on_tree: Pvc) -> None:
    changed_again(on_tree, "vm", "stop", "-g", "production", "--yes")
    lines = on_tree("undo", "last", "--dry-run").err.splitlines()
    many, one = [line for line in lines if line.startswith("Error")]
    assert many.startswith("Error: 15 refused: daemons may have acted on the state: run 'pvc vm start app-01,")
    assert one.endswith("daemons may have acted on the state, which was shutdown: see 'pvc vm info web-02'")
    assert "/domains" not in "".join(lines)


def test_very_many_vms_are_brought_back_by_one_line_that_leaves_the_others_alone(
    demo: Callable[..., Tree], pvc: Pvc
) -> None:
    tree = demo(vms=60)
    at = ("--coordinators", tree.hosts)
    before = tree.dump()
    running = pvc(*at, "vm", "list", "-s", "start", "-o", "name").out.split()
    assert pvc(*at, "vm", "stop", "--all", "--force", "--yes").code == 0
    (line,) = [line for line in pvc(*at, "undo", "last").err.splitlines() if "pvc vm start" in line]
    shown = re.search(r"run 'pvc (history show \S+ --was domain.state=start -o name) \| pvc (vm start -)'", line)
    assert shown, line
    names = pvc(*at, *shown[1].split())
    assert (names.code, sorted(names.out.split())) == (0, sorted(running))
    assert pvc(*at, *shown[2].split(), stdin=names.out).code == 0
    others = changes_between(before, tree.dump())
    assert others
    assert not [path for path in others if before[path] == b"start"]
    assert set(others.values()) == {b"stop"}


def test_items_of_an_entry_are_selected_by_what_they_were(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-02')}/state", b"shutdown")
    entry = changed_again(on_tree, "vm", "stop", "web-01,web-02", "--force")
    show = ("history", "show", entry, "--was", "domain.state=shutdown")
    document = json.loads(on_tree(*show, "-o", "json").out)
    assert [item["name"] for item in document["items"]] == ["web-02"]
    assert [change["name"] for change in document["changes"]] == ["web-02"]
    assert on_tree(*show).out.splitlines()[-1] == "changed web-02: state shutdown -> stop"
    paths = on_tree(*show, "--paths").out
    assert (tree.uuid("web-02") in paths, tree.uuid("web-01") in paths) == (True, False)
    tree.client.delete(f"/domains/{tree.uuid('web-02')}", recursive=True)
    gone = on_tree(*show, "-o", "name")
    assert (gone.code, gone.out) == (1, "")
    assert f"{entry} changed nothing whose domain.state was 'shutdown': see 'pvc history show {entry}'" in gone.err
    assert on_tree("history", "show", entry, "--was", "start").code == 2


def test_items_of_another_cluster_are_selected_by_no_value(
    on_tree: Pvc, tree: Tree, demo: Callable[..., Tree]
) -> None:
    entry = changed_again(on_tree, "vm", "stop", "web-01")
    refused = on_tree("--coordinators", "127.0.0.1:1", "history", "show", entry, "--was", "domain.state=start")
    assert (refused.code, refused.out) == (1, "")
    assert f"cannot tell what {entry} changed: its cluster is another one, or does not answer" in refused.err


@pytest.mark.parametrize(
    ("words", "opposite"),
    [
        (("vm", "migrate", "lab-01", "-t", "pvchv3"), "pvc vm unmigrate lab-01"),
        (("vm", "move", "lab-01", "-t", "pvchv3"), "pvc vm move lab-01 -t {node}"),
    ],
)
def test_a_move_is_not_undone_but_told_how_to(
    on_tree: Pvc, tree: Tree, words: tuple[str, ...], opposite: str
) -> None:
    node = tree.client.get(f"/domains/{tree.uuid('lab-01')}/node")[0].decode()
    changed_again(on_tree, *words)
    before = tree.dump()
    result = on_tree("undo", "last")
    assert (result.code, tree.dump()) == (1, before)
    assert f": run '{opposite.format(node=node)}'" in result.err


def test_the_vfs_of_a_vm_that_was_moved_stay_with_it(on_tree: Pvc, tree: Tree) -> None:
    changed_again(on_tree, "vm", "migrate", "nfv-01", "-t", "pvchv2")
    before = tree.dump()
    result = on_tree("undo", "last")
    assert (result.code, tree.dump()) == (1, before)
    assert result.err.splitlines()[1:] == [
        "Error: nfv-01: refused: daemons may have acted on the node: run 'pvc vm unmigrate nfv-01'"
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("node", "flush", "pvchv1", "pvchv2"), "run 'pvc node ready pvchv1,pvchv2' (pvchv1, pvchv2)"),
        (("node", "primary", "pvchv2"), "primary_node: refused: daemons may have acted on it: run 'pvc node primary"),
        (("node", "secondary", "pvchv1"), "run 'pvc node primary pvchv1'"),
    ],
)
def test_what_nodes_were_told_is_undone_by_the_opposite_command(
    on_tree: Pvc, tree: Tree, words: tuple[str, ...], said: str
) -> None:
    changed_again(on_tree, *words)
    before = tree.dump()
    result = on_tree("undo", "last")
    assert (result.code, tree.dump()) == (1, before)
    assert said in result.err


def test_what_is_as_it_was_before_the_daemons_acted_needs_no_undo(on_tree: Pvc, tree: Tree) -> None:
    entry = changed_again(on_tree, "vm", "stop", "web-01")
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"start")
    result = on_tree("undo", entry)
    assert (result.code, "web-01: unchanged: is as it was before" in result.err) == (0, True)


def test_a_vm_is_refused_by_the_name_of_today(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}"
    entry = changed_again(on_tree, "vm", "meta", "set", "web-01", "--profile", "other")
    tree.put(path, b"renamed")
    tree.put(f"{path}/profile", b"third")
    assert "renamed: refused: profile was changed since" in on_tree("undo", entry).err


def test_a_vm_that_is_gone_is_refused_by_the_name_that_it_had(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    for words in (("vm", "meta", "set", "web-01", "--profile", "other"), ("vm", "stop", "web-01")):
        changed_again(on_tree, *words)
    stop, profile = on_tree("history", "list", "-o", "name").out.split()[:2]
    tree.client.delete(f"/domains/{uuid}", recursive=True)
    before = tree.dump()
    for entry in (stop, profile):
        result = on_tree("undo", entry)
        assert (result.code, tree.dump()) == (1, before)
        assert result.err == "Error: web-01: refused: it was deleted since\n"
        document = json.loads(on_tree("undo", entry, "--dry-run", "-o", "json").out)
        assert [item["name"] for item in document["items"]] == ["web-01"]
        assert "web-01: " in on_tree("history", "show", entry).out
        shown = json.loads(on_tree("history", "show", entry, "-o", "json").out)
        assert [(item["name"], item["uuid"]) for item in shown["items"]] == [("web-01", uuid)]
        assert {change["name"] for change in shown["changes"]} == {"web-01"}


def test_a_tag_that_was_deleted_and_made_again_alike_is_not_ours_any_more(on_tree: Pvc, tree: Tree) -> None:
    entry = changed_again(on_tree, "vm", "tag", "add", "web-01", "blue")
    path = f"/domains/{tree.uuid('web-01')}/tags/blue"
    values = {name: tree.client.get(f"{path}/{name}")[0] for name in ("type", "protected")}
    tree.client.delete(path, recursive=True)
    tree.put(path, b"blue")
    for name, value in values.items():
        tree.put(f"{path}/{name}", value)
    result = on_tree("undo", entry)
    assert (result.code, "web-01: refused: tag blue was changed since" in result.err) == (1, True)
