"""What was changed is kept, and undone: all that nobody has changed since, byte for byte."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kazoo.exceptions import ConnectionLoss

from pvc_cli.connections.history import list_entries
from pvc_cli.connections.recorder import Recorder
from pvc_cli.errors import UnreachableError
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import Op
from pvc_cli.zk.undo import Changed
from tests.conftest import Pvc, Tree, changes_between


def changed_again(on_tree: Pvc, *words: str) -> str:
    """The ID of the entry that a command leaves."""
    assert on_tree(*words).code == 0
    return on_tree("history", "list", "-o", "name").out.split()[0]


@pytest.mark.parametrize(
    "words",
    [
        ("vm", "tag", "add", "web-01", "blue", "-p"),
        ("vm", "tag", "add", "--all", "production", "--type", "system"),
        ("vm", "tag", "remove", "--all", "production", "--if-exists"),
        ("vm", "tag", "rename", "production", "live"),
        ("sriov", "vf", "set", "pvchv1", "ens1f0v*", "--vlan-id", "7", "--trust"),
        ("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01"),
        ("sriov", "vf", "release", "pvchv1", "ens1f0v0", "--force"),
        ("vm", "meta", "set", "-g", "production", "--autostart", "--limit", "pvchv1"),
        ("key", "set", "domain.profile", "web-01", "other"),
        ("fault", "delete", "--all"),
        ("cluster", "maintenance", "on"),
    ],
)
def test_the_tree_is_as_it_was_before(on_tree: Pvc, tree: Tree, words: tuple[str, ...]) -> None:
    before = tree.dump()
    entry = changed_again(on_tree, *words)
    after = tree.dump()
    assert after != before
    shown = json.loads(on_tree("history", "show", entry, "-o", "json").out)
    assert shown["command"] == ["pvc", *words]
    assert {c["path"] for c in shown["changes"]} == changes_between(before, after).keys()
    dry = on_tree("undo", entry, "--dry-run")
    assert (dry.code, tree.dump()) == (0, after)
    assert on_tree("undo", entry).code == 0
    assert tree.dump() == before
    again = json.loads(on_tree("undo", entry, "-o", "json").out)
    assert again["counts"] == {"changed": 0, "unchanged": len(again["items"]), "refused": 0, "failed": 0}
    # An undo can be undone.
    undo = on_tree("history", "list", "-o", "name").out.split()[0]
    assert on_tree("undo", undo).code == 0
    assert tree.dump() == after


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("vm", "tag", "add", "web-01", "blue", "-p"), "changed web-01: + tag blue (protected)"),
        (("vm", "tag", "add", "web-01,web-02", "blue"), "changed 2 VMs: + tag blue (web-01, web-02)"),
        (("sriov", "vf", "set", "pvchv1/ens1f0v1", "--vlan-id", "7"), "changed pvchv1/ens1f0v1: vlan_id 0 -> 7"),
    ],
)
def test_a_change_is_shown_by_names_and_its_znodes_where_that_is_asked_for(
    on_tree: Pvc, tree: Tree, words: tuple[str, ...], line: str
) -> None:
    before = tree.dump()
    entry = changed_again(on_tree, *words)
    assert on_tree("history", "show", entry).out.splitlines()[-1] == line
    shown = on_tree("history", "show", entry, "--paths").out
    assert all(path in shown for path in changes_between(before, tree.dump()))
    assert line not in shown


def test_a_change_of_a_cluster_that_does_not_answer_is_shown_by_paths(on_tree: Pvc, pvc: Pvc) -> None:
    entry = changed_again(on_tree, "vm", "tag", "add", "web-01", "blue")
    shown = pvc("--coordinators", "127.0.0.1:1", "history", "show", entry)
    assert (shown.code, shown.err) == (0, "")
    assert "/tags/blue/protected" in shown.out


def test_the_last_change_is_undone_once_and_never_redone_by_the_same_words(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    entry = changed_again(on_tree, "vm", "tag", "add", "web-01", "blue")
    assert (on_tree("undo", "last").code, tree.dump()) == (0, before)
    undo = on_tree("history", "list", "-o", "name").out.split()[0]
    for words in (("undo", "last"), ("undo", "last", "--dry-run")):
        again = on_tree(*words)
        assert (again.code, tree.dump()) == (1, before)
        assert again.err == (
            f"Error: the last change was an undo (of {entry}), and undoing it would redo that: run 'pvc undo {undo}'"
            " to redo it; no earlier change is left to undo\n"
        )
    assert on_tree("undo", undo, "--dry-run").code == 0


def test_after_an_undo_the_newest_change_that_stands_is_named(on_tree: Pvc) -> None:
    first, second, third = (
        changed_again(on_tree, "vm", "tag", "add", "web-01", tag) for tag in ("blue", "red", "green")
    )
    assert on_tree("undo", "last").code == 0
    assert on_tree("undo", second).code == 0
    said = on_tree("undo", "last")
    assert (said.code, third in said.err) == (1, False)
    assert re.search(
        f" to redo it, or 'pvc undo {first}' to undo the last change that stands: pvc .*vm tag add web-01 blue$",
        said.err.strip(),
    )


def test_after_an_undo_of_a_part_the_rest_of_it_is_named_first(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('app-01')}/tags/pu"
    added = changed_again(on_tree, "vm", "tag", "add", "web-01,app-01", "pu")
    removed = changed_again(on_tree, "vm", "tag", "remove", "web-01,app-01", "pu")
    tree.put(path, b"other")
    assert on_tree("undo", "last").code == 1
    tree.client.delete(path)
    said = on_tree("undo", "last")
    assert said.code == 1
    assert f"a part of a change stands: 'pvc undo {removed}' finishes it (pvc " in said.err
    assert added not in said.err
    # A newer change does not come before it.
    changed_again(on_tree, "undo", changed_again(on_tree, "vm", "tag", "add", "web-02", "other"))
    assert f"'pvc undo {removed}' finishes it" in on_tree("undo", "last").err
    assert on_tree("undo", removed).code == 0
    assert f"'pvc undo {added}' to undo the last change that stands" in on_tree("undo", "last").err


def test_a_change_of_a_backup_is_undone_from_anywhere(
    on_tree: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "trial.json"
    on_tree("cluster", "backup", str(file))
    on_tree("vm", "tag", "add", "web-01", "elsewhere")
    before = json.loads(file.read_text())
    monkeypatch.chdir(tmp_path)
    at = ("--write", "-c", "file:trial.json")
    assert on_tree(*at, "vm", "tag", "add", "web-01,web-02", "blue").code == 0
    last = json.loads(on_tree(*at, "history", "list", "--cluster", "-o", "json").out)[0]
    assert last["cluster"] == f"file:{file}"
    live = on_tree("undo", last["id"])
    assert (live.code, f"use --write -c file:{file}" in live.err) == (1, True)
    assert on_tree("-c", f"file:{file}", "undo", "last").code == 1
    # What was changed again since stays.
    uuid = json.loads(on_tree("-c", f"file:{file}", "vm", "info", "web-02", "-o", "json").out)["uuid"]
    changed = json.loads(file.read_text())
    changed[f"/domains/{uuid}/tags/blue/protected"] = "True"
    file.write_text(json.dumps(changed))
    undone = on_tree("--write", "-c", f"file:{file}", "undo", "last")
    assert undone.code == 1
    assert "web-02: refused" in undone.err
    after = json.loads(file.read_text())
    assert changes_between(before, after).keys() == {path for path in changed if f"/{uuid}/tags/blue" in path}


def test_a_change_of_a_backup_that_could_not_be_saved_is_in_no_history(on_tree: Pvc, tmp_path: Path) -> None:
    file = tmp_path / "trial.json"
    on_tree("cluster", "backup", str(file))
    assert on_tree("-c", f"file:{file}", "vm", "tag", "add", "web-01", "blue").code == 1
    assert on_tree("history", "list", "-o", "name").out == ""


def test_a_prune_is_undone(on_tree: Pvc, tree: Tree) -> None:
    for path in ("/sriov/pf", "/tags", "/domains/" + tree.uuid("web-01") + "/bogus/deep"):
        tree.put(path)
    before = tree.dump()
    entry = changed_again(on_tree, "schema", "apply", "--prune", "--yes", "--force")
    assert tree.dump() != before
    assert on_tree("undo", entry).code == 0
    assert tree.dump() == before


def test_a_bulk_removal_with_mixed_tags_is_undone_but_for_what_changed_since(
    demo: Callable[..., Tree], pvc: Pvc
) -> None:
    tree = demo(vms=300)
    at = ("--coordinators", tree.hosts)
    assert pvc(*at, "vm", "tag", "add", "-g", "ci", "production", "-p").code == 0
    assert pvc(*at, "vm", "tag", "add", "-g", "staging", "production", "--type", "system").code == 0
    before = tree.dump()
    assert pvc(*at, "vm", "tag", "remove", "--all", "production", "--force", "--if-exists").code == 0
    changed = f"/domains/{tree.uuid('web-01')}/tags/production"
    tree.put(changed, b"other")
    result = pvc(*at, "undo", "last", "-o", "json")
    assert result.code == 1
    document = json.loads(result.out)
    (refused,) = [item for item in document["items"] if item["status"] == "refused"]
    assert (refused["name"], refused["reason"]) == ("web-01", "tag production was created again since")
    assert changes_between(before, tree.dump()).keys() == {changed, f"{changed}/type", f"{changed}/protected"}


@pytest.mark.parametrize(
    ("rival", "why"),
    [
        (lambda tree, path: tree.client.set(path, b"prod"), "was changed since"),
        (lambda tree, path: (tree.client.set(path, b"x"), tree.client.set(path, b"other")), "was changed since"),
        (lambda tree, path: tree.client.delete(path), "was deleted since"),
        (
            lambda tree, path: (tree.client.delete(path), tree.client.create(path, b"other")),
            "was changed since",
        ),
    ],
)
def test_what_others_changed_since_is_refused_by_name(
    on_tree: Pvc, tree: Tree, rival: Callable[[Tree, str], object], why: str
) -> None:
    path = f"/domains/{tree.uuid('web-01')}/profile"
    entry = changed_again(on_tree, "vm", "meta", "set", "web-01,web-02", "--profile", "other")
    rival(tree, path)
    now = tree.dump()
    result = on_tree("undo", entry)
    assert result.code == 1
    assert f"Error: web-01: refused: profile {why}\n" in result.err
    assert "web-02: undone." in result.err
    assert changes_between(now, tree.dump()).keys() == {f"/domains/{tree.uuid('web-02')}/profile"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("vm", "tag", "add", "web-01,web-02", "a1"), ("vm", "tag", "remove", "web-01,web-02", "a1")),
        (
            ("sriov", "vf", "set", "pvchv1/ens1f0v1", "--vlan-id", "5"),
            ("sriov", "vf", "set", "pvchv1/ens1f0v1", "--vlan-id", "6"),
        ),
    ],
)
def test_changes_are_undone_one_after_the_other(
    on_tree: Pvc, tree: Tree, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    before = tree.dump()
    one, other = changed_again(on_tree, *first), changed_again(on_tree, *second)
    assert on_tree("undo", other).code == 0
    result = on_tree("undo", one)
    assert (result.code, tree.dump()) == (0, before), result.err


def test_what_was_done_again_on_purpose_is_not_undone_with_the_first_time(on_tree: Pvc, tree: Tree) -> None:
    one = changed_again(on_tree, "vm", "tag", "add", "web-01", "gold")
    tree.client.delete(f"/domains/{tree.uuid('web-01')}/tags/gold", recursive=True)
    changed_again(on_tree, "vm", "tag", "add", "web-01", "gold")
    before = tree.dump()
    result = on_tree("undo", one)
    assert (result.code, tree.dump()) == (1, before)
    assert "tag gold was changed since" in result.err


def test_what_somebody_else_changed_between_two_of_ours_is_not_ours(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}/profile"
    one = changed_again(on_tree, "vm", "meta", "set", "web-01", "--profile", "x")
    tree.put(path, b"y")
    tree.put(path, b"x")
    other = changed_again(on_tree, "vm", "meta", "set", "web-01", "--profile", "z")
    assert on_tree("undo", other).code == 0
    assert on_tree("undo", one).code == 1
    assert tree.client.get(path)[0] == b"x"


def test_what_somebody_else_put_back_is_not_ours(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}/profile"
    one = changed_again(on_tree, "vm", "meta", "set", "web-01", "--profile", "other")
    other = changed_again(on_tree, "vm", "meta", "set", "web-01", "--profile", "third")
    assert on_tree("undo", other).code == 0
    tree.put(path, b"other")
    assert on_tree("undo", one).code == 1
    assert tree.client.get(path)[0] == b"other"


def test_what_daemons_acted_on_is_not_undone(on_tree: Pvc, tree: Tree) -> None:
    for words in (("vm", "stop", "web-01"), ("vm", "migrate", "lab-01", "-t", "pvchv3"), ("node", "flush", "pvchv2")):
        entry = changed_again(on_tree, *words)
        before = tree.dump()
        result = on_tree("undo", entry)
        assert (result.code, tree.dump()) == (1, before)
        assert "refused: daemons may have acted on the " in result.err


def test_a_change_of_another_cluster_is_not_undone_here(on_tree: Pvc, pvc: Pvc, tree: Tree) -> None:
    entry = changed_again(on_tree, "vm", "tag", "add", "web-01", "blue")
    other = pvc("--coordinators", tree.hosts.partition("/")[0], "undo", entry)
    assert other.code == 1
    assert f"{entry} changed another cluster: use --coordinators {tree.hosts}" in other.err
    assert on_tree("undo", "nope").code == 1
    assert json.loads(on_tree("history", "list", "--cluster", "-o", "json").out)[0]["id"] == entry


def test_the_history_is_private_bounded_and_stops_no_change(
    on_tree: Pvc, tree: Tree, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvc_cli.connections.recorder.MOST_ENTRIES", 3)
    for number in range(5):
        assert on_tree("vm", "tag", "add", "web-01", f"t{number}").code == 0
    folder = home / "state" / "pvc" / "history"
    files = list(folder.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in (folder, *files)} == {0o700, 0o600}
    on_tree("vm", "tag", "list")
    assert len(list(folder.iterdir())) == 3
    monkeypatch.setattr("pvc_cli.connections.recorder.MOST_BYTES", 10)
    assert on_tree("vm", "tag", "add", "web-01", "big").code == 0
    large = on_tree("undo", "last")
    assert large.code == 1
    assert "changed more than its entry holds, and nothing of it is there: restore the backup that was" in large.err
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    result = on_tree("vm", "tag", "add", "web-01", "still")
    assert result.code == 0
    assert "Warning: the change cannot be undone later, for its history cannot be written" in result.err


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the local time zone."""

    def move_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move_to
    monkeypatch.undo()
    time.tzset()


def test_the_last_change_is_the_last_in_every_time_zone(
    on_tree: Pvc, tree: Tree, zone: Callable[[str], None]
) -> None:
    for name, tag in (("Asia/Tokyo", "aaa"), ("America/New_York", "bbb")):
        zone(name)
        assert on_tree("vm", "tag", "add", "web-01", tag).code == 0
    zone("UTC")
    assert "tag bbb" in on_tree("undo", "last", "--dry-run").out
    listed = json.loads(on_tree("history", "list", "-o", "json").out)
    assert [entry["command"][-1] for entry in listed] == ["bbb", "aaa"]


def test_the_oldest_entries_go_first_also_those_named_in_local_time(
    on_tree: Pvc, tree: Tree, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions named an entry by the local time; here one of a zone whose clock is ahead."""
    folder = home / "state" / "pvc" / "history"
    entry = changed_again(on_tree, "vm", "tag", "add", "web-01", "old")
    written = (folder / f"{entry}.jsonl").read_text()
    (folder / f"{entry}.jsonl").unlink()
    (folder / "29991231-235959-000000.jsonl").write_text(written.replace(entry, "29991231-235959-000000"))
    monkeypatch.setattr("pvc_cli.connections.recorder.MOST_ENTRIES", 2)
    assert on_tree("vm", "tag", "add", "web-01", "one").code == 0
    assert "29991231-235959-000000" in on_tree("history", "list", "-o", "name").out
    assert "tag one" in on_tree("undo", "last", "--dry-run").out
    assert "tag old" in on_tree("undo", "29991231-235959-000000", "--dry-run").out
    assert on_tree("vm", "tag", "add", "web-01", "two").code == 0
    listed = json.loads(on_tree("history", "list", "-o", "json").out)
    assert [found["command"][-1] for found in listed] == ["two", "one"]


KILLED = """
import os, signal, sys
from pvc_cli import app
from pvc_cli.zk.live import LiveStore

moment, *words = sys.argv[1:]
commit = LiveStore._commit

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

LiveStore._commit = die if moment == "before" else lambda store, ops, tell: commit(store, ops, die)
sys.argv = ["pvc", *words]
app.main(words)
"""


def kill(tree: Tree, moment: str, *words: str) -> None:
    """Run a command that is killed right before or right after its transaction."""
    words = ("--coordinators", tree.hosts, *words)
    run = subprocess.run([sys.executable, "-c", KILLED, moment, *words], check=False, capture_output=True)
    assert run.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("moment", "undone"), [("before", "unchanged: is as it was before"), ("after", "undone")])
def test_what_a_killed_command_may_have_changed_is_told_as_unfinished_and_undone(
    on_tree: Pvc, tree: Tree, moment: str, undone: str
) -> None:
    before = tree.dump()
    kill(tree, moment, "vm", "tag", "add", "web-01", "blue")
    assert (tree.dump() == before) == (moment == "before")
    (listed,) = json.loads(on_tree("history", "list", "--cluster", "-o", "json").out)
    assert (listed["command"][-1], listed["unfinished"]) == ("blue", True)
    assert "interrupted" in on_tree("history", "list").out
    shown = json.loads(on_tree("history", "show", "last", "-o", "json").out)
    assert shown["changes"] == []
    assert f"/domains/{tree.uuid('web-01')}/tags/blue" in {change["path"] for change in shown["unfinished"]}
    text = on_tree("history", "show", "last").out
    assert f"Unfinished: pvc ended before it knew whether it had changed this: 'pvc undo {listed['id']}" in text
    assert "changed web-01" not in text
    # Somebody else may have added the same tag: a person decides.
    now = tree.dump()
    for words, said in (
        (("undo", "last"), f"Error: the last change, {listed['id']}, was interrupted, and whether it made its last"),
        (("undo", listed["id"]), "Error: confirmation required"),
    ):
        refused = on_tree(*words)
        assert (refused.code, tree.dump()) == (1, now)
        assert said in refused.err
    result = on_tree("-v", "undo", listed["id"], "--yes")
    assert (result.code, tree.dump()) == (0, before)
    assert f"web-01: {undone}" in result.err


def test_a_count_that_a_killed_command_left_says_that_it_may_be_more(on_tree: Pvc, tree: Tree) -> None:
    kill(tree, "after", "vm", "tag", "add", "web-01", "blue")
    assert on_tree("history", "list", "--no-headers", "--columns", "changed", "-o", "csv").code == 0
    assert on_tree("history", "list", "--no-headers", "--columns", "changed").out.split()[0] == "0+"
    (entry,) = json.loads(on_tree("history", "list", "-o", "json").out)
    assert (entry["changed"], entry["unfinished"]) == (0, True)


def test_what_others_changed_after_a_killed_command_is_not_undone(on_tree: Pvc, tree: Tree) -> None:
    kill(tree, "after", "vm", "tag", "add", "web-01", "blue")
    tree.put(f"/domains/{tree.uuid('web-01')}/tags/blue/protected", b"True")
    before = tree.dump()
    entry = on_tree("history", "list", "-o", "name").out.split()[0]
    result = on_tree("undo", entry, "--yes")
    assert (result.code, tree.dump()) == (1, before)
    assert "was changed since" in result.err


def test_a_made_change_stays_in_the_history_though_its_versions_cannot_be_read(
    tree: Tree, pvc: Pvc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost around the commit, and again while its outcome is told."""

    def lose(*_arguments: object, **_named: object) -> None:
        raise ConnectionLoss

    def unreachable(*_arguments: object) -> None:
        raise UnreachableError("no server answered")

    made = LiveStore._request

    def lost(store: LiveStore, ops: Sequence[Op]) -> object:
        made(store, ops).commit()
        return SimpleNamespace(commit_async=lambda: SimpleNamespace(get=lose))

    monkeypatch.setattr(LiveStore, "_request", lost)
    monkeypatch.setattr(LiveStore, "_stats", unreachable)
    result = pvc("--coordinators", tree.hosts, "vm", "tag", "add", "web-01", "red")
    assert result.code == 0, result.err
    assert "red" in tree.client.get_children(f"/domains/{tree.uuid('web-01')}/tags")
    (entry,) = list_entries()
    assert entry.is_unfinished


def test_what_became_of_each_transaction_is_told_by_its_own(home: Path) -> None:
    """One of unknown outcome says nothing of those after it."""
    a, b, c = (Changed(path, None, b"", 3, 7) for path in ("/a", "/b", "/c"))
    recorder = Recorder("hv1", ["pvc"], pytest.fail)
    unknown, refused, made = (recorder.record([change]) for change in (a, b, c))
    made([c])
    refused([])
    (entry,) = list_entries()
    read = entry.read()
    assert (read.made, [change.path for change in read.unfinished], entry.is_unfinished) == ([c], ["/a"], True)
    assert {change.path for change in read.changes} == {"/a", "/c"}
    unknown([a])
    assert (*entry.read(), entry.is_unfinished) == ([a, c], [], False)
    recorder.close()


def test_a_refused_transaction_leaves_no_entry(on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = changed_again(on_tree, "vm", "tag", "add", "web-01", "green")
    commit = LiveStore._commit

    def refuse(store: LiveStore, ops: Sequence[Op], tell: Callable[[Sequence[Any]], object]) -> None:
        commit(store, [*ops, Op("check", "/schema/version", version=99)], tell)

    monkeypatch.setattr(LiveStore, "_commit", refuse)
    assert on_tree("vm", "tag", "add", "web-01", "blue").code == 5
    assert on_tree("history", "list", "-o", "name").out.split() == [entry]


def test_a_finished_command_is_not_unfinished_however_often_it_had_to_try(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, calls = LiveStore._commit, iter(range(100))

    def late(store: LiveStore, ops: Sequence[Op], tell: Callable[[Sequence[Any]], object]) -> None:
        conflict = [Op("check", "/schema/version", version=99)] if next(calls) == 1 else []
        commit(store, [*ops, *conflict], tell)

    before = tree.dump()
    monkeypatch.setattr(LiveStore, "_commit", late)
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 5)
    entry = changed_again(on_tree, "vm", "tag", "add", "--all", "blue")
    shown = json.loads(on_tree("history", "show", entry, "-o", "json").out)
    assert shown["unfinished"] == []
    assert {change["path"] for change in shown["changes"]} == changes_between(before, tree.dump()).keys()
    assert (on_tree("undo", entry).code, tree.dump()) == (0, before)


def test_secrets_in_the_history_are_masked(on_tree: Pvc, tree: Tree) -> None:
    entry = changed_again(on_tree, "key", "set", "node.ipmi.password", "pvchv1", "hunter2")
    shown = on_tree("history", "show", entry, "-o", "json").out
    assert json.loads(shown)["changes"][0]["after"] == "********"
    assert json.loads(on_tree("history", "show", entry, "--show-secrets", "-o", "json").out)["changes"][0][
        "after"
    ] == ("hunter2")
    assert on_tree("undo", entry).code == 0
    assert tree.client.get("/nodes/pvchv1/ipmipassword")[0] == b"Passw0rd"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("node.ipmi.password", "pvchv2", "pvchv2"), "key set node.ipmi.password pvchv2 ********"),
        (
            ("node.ipmi.password", "pvchv2", "-o", "json", "json"),
            "key set node.ipmi.password pvchv2 -o ******** ********",
        ),
        (
            ("-o", "json", "node.ipmi.password", "pvchv2", "json"),
            "key set -o json node.ipmi.password pvchv2 ********",
        ),
    ],
)
def test_a_secret_is_masked_where_it_is_and_not_what_is_spelt_alike(
    on_tree: Pvc, tree: Tree, words: tuple[str, ...], told: str
) -> None:
    tree.put("/nodes/pvchv2/ipmipassword", b"old")
    assert on_tree("key", "set", *words).code == 0
    assert list_entries()[0].command == ("pvc", *told.split())


def test_an_entry_that_was_cut_off_is_no_obstacle(on_tree: Pvc, tree: Tree, home: Path) -> None:
    before = tree.dump()
    entry = changed_again(on_tree, "vm", "tag", "add", "web-01", "blue")
    file = home / "state" / "pvc" / "history" / f"{entry}.jsonl"
    file.write_text(file.read_text() + '{"changes": [["/doma')
    (file.parent / "junk.jsonl").write_text("[]")
    assert on_tree("undo", entry).code == 0
    assert tree.dump() == before


def test_an_undo_of_many_is_one_line_and_with_v_a_line_each(on_tree: Pvc) -> None:
    for options in ((), ("-v",)):
        assert on_tree("vm", "tag", "add", "--all", "blue").code == 0
        result = on_tree(*options, "undo", "last")
        assert (result.code, "20 changed, 0 unchanged, 0 refused." in result.err.splitlines()) == (0, True)
        assert sum(line.endswith(": undone.") for line in result.err.splitlines()) == (20 if options else 0)


def forget_things(folder: Path) -> None:
    """Make entries what earlier versions wrote: they do not tell which VM a change was of."""
    for path in folder.glob("*.jsonl"):
        without = re.sub(rb',"things":\{[^}]*\}\}', lambda told: b"}".ljust(len(told[0])), path.read_bytes())
        path.write_bytes(without)


def create_again(tree: Tree, name: str, other: str = "", *, tags: bool = True) -> str:
    """Delete a VM, and create another one with its UUID, and its name or an *other* one."""
    path = f"/domains/{tree.uuid(name)}"
    values = tree.dump(path)
    tree.client.delete(path, recursive=True)
    for at, value in sorted(values.items()):
        if tags or not at.startswith(f"{path}/tags"):
            tree.client.create(at, value)
    if other:
        tree.client.set(path, other.encode())
    return path


@pytest.mark.parametrize(("verb", "tag"), [("remove", "c1"), ("add", "c2")])
def test_a_vm_that_was_created_again_is_another_one(on_tree: Pvc, tree: Tree, verb: str, tag: str) -> None:
    same = tree.uuid("app-01")
    assert on_tree("vm", "tag", "add", "web-*,app-01,lab-01", "c1").code == 0
    entry = changed_again(on_tree, "vm", "tag", verb, "web-*,app-01,lab-01", tag)
    create_again(tree, "web-01", tags=False)
    create_again(tree, "web-02", "other-vm")
    create_again(tree, "lab-01")
    now = tree.dump()
    for words in (("undo", entry, "--dry-run"), ("undo", entry)):
        result = on_tree(*words)
        assert result.code == 1
        # One without tags is as it was before any was added.
        hit = "web-01, web-02, lab-01" if verb == "remove" else "web-02, lab-01"
        count = len(hit.split(","))
        assert f"1 changed, {3 - count} unchanged, {count} refused" in result.err
        assert f"Error: {count} refused: the VM itself was created again since ({hit})\n" in result.err
    assert changes_between(now, tree.dump()).keys() == {
        f"/domains/{same}/tags/{tag}{key}" for key in ("", "/type", "/protected")
    }
    assert on_tree("history", "show", entry).out.endswith("(app-01, lab-01, web-01, web-02)\n")


def test_a_vm_that_was_created_again_is_another_one_though_the_entry_does_not_tell_which_it_was(
    on_tree: Pvc, tree: Tree, home: Path
) -> None:
    assert on_tree("vm", "tag", "add", "web-*,app-01,lab-01", "c1").code == 0
    entry = changed_again(on_tree, "vm", "tag", "remove", "web-*,app-01,lab-01", "c1")
    forget_things(home / "state" / "pvc" / "history")
    create_again(tree, "web-01", tags=False)
    create_again(tree, "web-02", "other-vm")
    create_again(tree, "lab-01")
    for words in (("undo", entry, "--dry-run"), ("undo", entry)):
        result = on_tree(*words)
        assert (result.code, "1 changed, 0 unchanged, 3 refused" in result.err) == (1, True)
        hit = "web-01, other-vm, lab-01"
        assert result.err.endswith(f"Error: 3 refused: the VM itself was created again since ({hit})\n")


def test_a_vm_that_lost_its_list_of_tags_is_refused(on_tree: Pvc, tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}/tags"
    on_tree("vm", "tag", "add", "web-01", "c1")
    entry = changed_again(on_tree, "vm", "tag", "remove", "web-01", "c1")
    tree.client.delete(path, recursive=True)
    for words in (("undo", entry, "--dry-run"), ("undo", entry)):
        result = on_tree(*words)
        assert (result.code, result.err) == (1, "Error: web-01: refused: the list of its tags was deleted since\n")


def test_what_daemons_acted_on_is_not_told_to_be_done_to_another_vm(on_tree: Pvc, tree: Tree) -> None:
    entry = changed_again(on_tree, "vm", "stop", "web-01")
    create_again(tree, "web-01", "other-vm")
    result = on_tree("undo", entry)
    assert (result.code, result.err) == (1, "Error: web-01: refused: the VM itself was created again since\n")
    assert on_tree("history", "show", entry).out.splitlines()[-1].startswith("changed web-01: ")


def test_a_vm_that_is_created_again_during_an_undo_is_refused(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_tree("vm", "tag", "add", "web-01", "c1")
    entry = changed_again(on_tree, "vm", "tag", "remove", "web-01", "c1")
    commit = LiveStore.commit
    paths: list[str] = []

    def late(store: LiveStore, ops: Sequence[Op]) -> None:
        if ops and not paths:
            paths.append(create_again(tree, "web-01", tags=False))
        commit(store, ops)

    monkeypatch.setattr(LiveStore, "commit", late)
    result = on_tree("undo", entry)
    assert (result.code, result.err) == (1, "Error: web-01: refused: the VM itself was created again since\n")
    assert not tree.client.exists(f"{paths[0]}/tags")


def test_a_vm_that_this_user_deleted_and_restored_is_the_same(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    path, file = f"/domains/{tree.uuid('web-01')}", str(tmp_path / "backup.json")
    on_tree("cluster", "backup", file)
    tree.client.delete(path, recursive=True)
    created = changed_again(on_tree, "cluster", "restore", file, "--vm", "web-01")
    on_tree("vm", "tag", "add", "web-01", "c1")
    on_tree("undo", "last")
    on_tree("vm", "meta", "set", "web-01", "--profile", "other")
    profile = changed_again(on_tree, "undo", "last")
    restored = tree.dump()
    assert on_tree("undo", created).code == 0
    assert not tree.client.exists(path)
    deleted = on_tree("history", "list", "-o", "name").out.split()[0]
    assert (on_tree("undo", deleted).code, tree.dump()) == (0, restored)
    assert on_tree("undo", profile).code == 0
    assert tree.client.get(f"{path}/profile")[0] == b"other"


def test_a_vm_of_a_backup_is_told_from_another_by_its_name(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    uuid, file = tree.uuid("web-01"), tmp_path / "copy.json"
    on_tree("cluster", "backup", str(file))
    on_file = ("--write", "-c", f"file:{file}")
    on_tree(*on_file, "vm", "tag", "add", "web-01,web-02", "c1")
    entry = changed_again(on_tree, *on_file, "vm", "tag", "remove", "web-01,web-02", "c1")
    document = json.loads(file.read_text())
    document[f"/domains/{uuid}"] = "other-vm"
    file.write_text(json.dumps(document))
    result = on_tree(*on_file, "undo", entry)
    assert (result.code, "web-02: undone." in result.err) == (1, True)
    assert "web-01: refused: the VM itself was changed since" in result.err
    assert f"/domains/{uuid}/tags/c1" not in json.loads(file.read_text())
