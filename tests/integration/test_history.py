"""The history is honest: about what still runs, what was cut off, what cannot be read, and what it does not have."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pvc_cli.connections import entry as entries
from pvc_cli.connections.entry_file import Recorded, Wanted, read_changes
from pvc_cli.connections.history import list_entries
from pvc_cli.connections.recorder import Recorder
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.undo import Changed
from tests.conftest import Pvc, Tree, changes_between


def run(
    tree: Tree, *words: str, script: str = "", preexec: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pvc as a process of its own, after *script*."""
    program = f"import os, signal, sys\nfrom pvc_cli import app\n{script}\nsys.exit(app.main(sys.argv[1:]))"
    words = ("--coordinators", tree.hosts, *words)
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, preexec_fn=preexec)


def changed(on_tree: Pvc, *words: str) -> str:
    """The ID of the entry that a command leaves."""
    assert on_tree(*words).code == 0
    return on_tree("history", "list", "-o", "name").out.split()[0]


def listed(on_tree: Pvc) -> list[dict[str, Any]]:
    """The documents of the history."""
    return list(json.loads(on_tree("history", "list", "-o", "json").out))


@pytest.fixture
def folder(home: Path) -> Path:
    """Where the entries are."""
    return home / "state" / "pvc" / "history"


STOPPING = """
from pvc_cli.zk.live import LiveStore
LiveStore._commit = lambda *_: os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.fixture
def stopped(tree: Tree, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that was stopped right before its transaction."""
    program = f"import os, signal, sys\nfrom pvc_cli import app\n{STOPPING}\napp.main(sys.argv[1:])"
    words = ("--coordinators", tree.hosts, "vm", "tag", "add", "web-01", "blue")
    with subprocess.Popen([sys.executable, "-c", program, *words]) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        yield process
        process.kill()


def test_what_still_runs_is_told_from_what_was_killed(
    on_tree: Pvc, tree: Tree, stopped: subprocess.Popen[bytes]
) -> None:
    before = tree.dump()
    (entry,) = listed(on_tree)
    assert (entry["state"], entry["unfinished"]) == ("running", True)
    assert f"running (pid {stopped.pid})" in on_tree("history", "list").out
    shown = on_tree("history", "show", entry["id"]).out
    assert f"is still running (pid {stopped.pid})" in shown
    assert "Running: pvc does not know yet whether it has changed this." in shown
    for words in (("last",), (entry["id"], "--yes")):
        refused = on_tree("undo", *words)
        assert (refused.code, tree.dump()) == (1, before)
        assert refused.err == (
            f"Error: {entry['id']} is still running (pid {stopped.pid}): wait until it ends, or stop it, then undo"
            " it\n"
        )
    stopped.kill()
    stopped.wait()
    (entry,) = listed(on_tree)
    assert (entry["state"], entry["unfinished"]) == ("interrupted", True)
    assert "interrupted" in on_tree("history", "list").out
    assert "was interrupted" in on_tree("history", "show", entry["id"]).out
    assert "was interrupted" in on_tree("undo", "last").err
    assert (on_tree("undo", entry["id"], "--yes").code, tree.dump()) == (0, before)


def test_what_was_stopped_in_the_middle_is_told_so(on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LiveStore, "_commit", stop)
        assert on_tree("vm", "tag", "add", "web-01", "blue").code == 130
    (entry,) = listed(on_tree)
    assert (entry["state"], entry["unfinished"], entry["incomplete"]) == ("unfinished", True, None)
    assert "unfinished" in on_tree("history", "list").out
    assert f"the last change, {entry['id']}, lost the cluster or was stopped, and" in on_tree("undo", "last").err


def test_what_was_killed_between_two_steps_is_known_and_undone(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    script = f"{FEW}\nfrom pvc_cli.connections.recorder import Recorder\nrecord, calls = Recorder.record, []\n" + (
        "def die(recorder, changes):\n"
        "    calls.append(1)\n"
        "    return record(recorder, changes) if len(calls) < 3 else os.kill(os.getpid(), signal.SIGKILL)\n"
        "Recorder.record = die"
    )
    assert run(tree, "vm", "tag", "add", "--all", "blue", script=script).returncode == -signal.SIGKILL
    (entry,) = listed(on_tree)
    assert (entry["state"], entry["unfinished"]) == ("interrupted", False)
    assert tree.dump() != before
    assert (on_tree("undo", "last").code, tree.dump()) == (0, before)


def test_what_runs_keeps_its_entry_when_old_ones_make_room(
    on_tree: Pvc, stopped: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvc_cli.connections.recorder.MOST_ENTRIES", 2)
    (running,) = listed(on_tree)
    for tag in ("a1", "a2", "a3"):
        changed(on_tree, "vm", "tag", "add", "web-02", tag)
    assert [entry["id"] for entry in listed(on_tree)][-1] == running["id"]
    assert len(listed(on_tree)) == 2


def limit(size: int) -> Callable[[], None]:
    """What lets a process write files of *size* bytes at most, as ``ulimit -f`` does."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


FEW = "import pvc_cli.zk.execute\npvc_cli.zk.execute.CHUNK_OPS = 5"


def test_a_history_that_a_full_disk_cut_off_says_so(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = run(tree, "vm", "tag", "add", "--all", "blue", script=FEW, preexec=limit(4_000))
    assert result.returncode == 0
    assert result.stderr.splitlines()[0] == (
        "Warning: only a part of the change can be undone later, for its history cannot be written: File too large"
    )
    after = tree.dump()
    assert len(changes_between(before, after)) == 60
    (entry,) = listed(on_tree)
    why = "changed more than could be written to its entry"
    assert (entry["state"], entry["unfinished"], entry["incomplete"]) == ("ended", False, why)
    assert "incomplete" in on_tree("history", "list").out
    shown = json.loads(on_tree("history", "show", "last", "-o", "json").out)
    known = {change["path"] for change in shown["changes"]}
    assert 0 < len(known) < 60
    assert why in on_tree("history", "show", "last").out
    refused = on_tree("undo", "last")
    assert (refused.code, tree.dump()) == (1, after)
    assert refused.err == (
        f"Error: the last change, {entry['id']}, {why}: restore the backup that was made before it, with 'pvc cluster"
        f" restore', or undo the part that is known with 'pvc undo {entry['id']}'\n"
    )
    assert f"Warning: {entry['id']} {why}.\n" in on_tree("undo", entry["id"], "--dry-run").err
    assert on_tree("undo", entry["id"]).code == 1
    assert on_tree("undo", entry["id"], "--yes").code == 0
    assert changes_between(tree.dump(), after).keys() == known


def test_a_disk_that_is_full_at_once_leaves_no_entry(on_tree: Pvc, tree: Tree, folder: Path) -> None:
    result = run(tree, "vm", "tag", "add", "web-01", "blue", preexec=limit(20))
    assert result.returncode == 0
    assert "Warning: the change cannot be undone later, for its history cannot be written: File too large" in (
        result.stderr
    )
    assert list(folder.iterdir()) == []


def test_the_outcome_has_its_room_before_the_change_is_sent(home: Path, folder: Path) -> None:
    """A disk that fills up between the intention and the outcome takes nothing."""
    changes = [Changed(f"/{number}", b"", b"x", -(2**31), 2**63 - 1) for number in range(100)]
    recorder = Recorder("hv1", ["pvc"], pytest.fail)
    settle = recorder.record(changes)
    (file,) = folder.iterdir()
    size = file.stat().st_size
    settle(changes)
    recorder.close()
    assert file.stat().st_size == size
    (entry,) = list_entries()
    assert (entry.read().made, entry.state, entry.gap) == (changes, "ended", "")


def test_an_entry_larger_than_its_bound_tells_so_and_what_it_has(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvc_cli.connections.recorder.MOST_BYTES", 2_000)
    monkeypatch.setattr("pvc_cli.zk.execute.CHUNK_OPS", 5)
    result = on_tree("vm", "tag", "add", "--all", "blue")
    assert "Warning: only a part of the change can be undone later: its history takes more than" in result.err
    (entry,) = listed(on_tree)
    assert entry["incomplete"] == "changed more than its entry holds"
    assert "changed 4 VMs: + tag blue" in on_tree("history", "show", "last").out
    assert on_tree("undo", "last").code == 1


@pytest.mark.parametrize("left", [0.3, 0.6, 0.9])
def test_an_entry_that_was_cut_in_half_is_not_taken_for_whole(
    on_tree: Pvc, tree: Tree, folder: Path, left: float
) -> None:
    changed(on_tree, "vm", "tag", "add", "--all", "blue")
    (file,) = folder.iterdir()
    os.truncate(file, int(file.stat().st_size * left))
    (entry,) = listed(on_tree)
    assert entry["incomplete"] == "changed more than its entry holds, of which a part was cut off"
    assert "damaged" in on_tree("history", "list").out
    before = tree.dump()
    for words in (("undo", "last"), ("undo", entry["id"])):
        assert (on_tree(*words).code, tree.dump()) == (1, before)


def test_a_damaged_line_is_refused_by_name(on_tree: Pvc, folder: Path) -> None:
    entry = changed(on_tree, "vm", "tag", "add", "web-01", "blue")
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b'"intended":[', b'"intended"::'))
    for words in (("undo", entry), ("undo", "last"), ("history", "show", entry)):
        result = on_tree(*words)
        assert result.code == 1
        assert f"the entry of {entry} in the history is damaged" in result.err
    assert on_tree("history", "list", "-o", "name").out == f"{entry}\n"


def test_an_entry_of_a_newer_pvc_is_listed_and_left_alone(on_tree: Pvc, tree: Tree, folder: Path) -> None:
    entry = changed(on_tree, "vm", "tag", "add", "web-01", "blue")
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b'"format": 2', b'"format": 9'))
    before = tree.dump()
    assert "of a newer pvc" in on_tree("history", "list").out
    for words in (("undo", entry), ("undo", "last"), ("history", "show", entry)):
        result = on_tree(*words)
        assert (result.code, tree.dump()) == (1, before)
        assert result.err == f"Error: {entry} was written by a newer pvc: use that one, or update this one\n"


def test_an_entry_that_made_room_while_it_is_read_is_not_one_without_changes(
    on_tree: Pvc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = changed(on_tree, "vm", "tag", "add", "web-01", "blue")

    def late(path: Path, *more: object) -> Recorded:
        path.unlink()
        return read_changes(path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(entries, "read_changes", late)
    result = on_tree("undo", entry)
    assert (result.code, f"the change {entry} is no longer in the history" in result.err) == (1, True)


def test_the_last_change_is_the_last_though_the_clock_was_set_back(
    on_tree: Pvc, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    for ahead, tag in ((3600.0, "aaa"), (0.0, "bbb"), (-60.0, "ccc")):
        with monkeypatch.context() as patch:
            patch.setattr("pvc_cli.connections.entry_writer.time.time", lambda ahead=ahead: now + ahead)
            changed(on_tree, "vm", "tag", "add", "web-01", tag)
    assert [entry["command"][-1] for entry in listed(on_tree)] == ["ccc", "bbb", "aaa"]
    assert [entry["time"] for entry in listed(on_tree)] == [now - 60, now, now + 3600]
    assert "tag ccc" in on_tree("undo", "last", "--dry-run").out


def test_an_undo_reads_only_what_may_have_to_do_with_it(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree.dump()
    old = changed(on_tree, "vm", "tag", "add", "web-01", "old")
    read: list[str] = []

    def count(path: Path, *more: object) -> Recorded:
        read.append(path.stem)
        return read_changes(path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(entries, "read_changes", count)
    for tag in ("t1", "t2", "t3"):
        changed(on_tree, "vm", "tag", "add", "web-02", tag)
    read.clear()
    assert on_tree("undo", old, "--dry-run").code == 0
    assert read == [old]
    read.clear()
    assert on_tree("undo", "last").code == 0
    assert len(read) == 1
    removal = changed(on_tree, "vm", "tag", "remove", "web-01", "old")
    undo = changed(on_tree, "undo", removal)
    changed(on_tree, "vm", "tag", "add", "web-02", "t4")
    last = listed(on_tree)[0]["id"]
    read.clear()
    assert on_tree("undo", old).code == 0
    # What comes after the last undo restores nothing.
    assert (read.count(old), read.count(removal), read.count(undo), read.count(last)) == (1, 1, 1, 0)
    assert not {path for path in changes_between(before, tree.dump()) if tree.uuid("web-01") in path}


def test_the_values_of_what_an_undo_does_not_touch_are_not_looked_at(
    on_tree: Pvc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(on_tree, "vm", "tag", "add", "--all", "blue")
    (entry,) = list_entries()
    loads = json.loads
    parsed: list[bytes] = []

    def count(text: bytes) -> object:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr(json, "loads", count)
    assert entry.read(Wanted("/elsewhere")) == ([], [])
    assert parsed == []


def test_an_entry_that_may_not_be_read_is_told_and_not_passed_over(on_tree: Pvc, tree: Tree, folder: Path) -> None:
    """Root's, where sudo keeps the home. The tests may run as root, who may read all: here it is a link to itself."""
    entry = changed(on_tree, "vm", "tag", "add", "web-01", "blue")
    (file,) = folder.iterdir()
    roots = file.with_name("29991231-235959-000000Z.jsonl")
    roots.symlink_to(roots)
    before = tree.dump()
    result = on_tree("history", "list", "-o", "name")
    assert (result.code, result.out) == (0, f"{entry}\n")
    assert result.err == (f"Warning: a change is left out: cannot read {roots}: Too many levels of symbolic links\n")
    assert on_tree("sriov", "vf", "history", "pvchv1/ens1f0v0").err.startswith(result.err)
    refused = on_tree("undo", "last")
    assert (refused.code, tree.dump()) == (3, before)
    assert refused.err.startswith(f"Error: cannot tell which change was the last: cannot read {roots}: ")
    assert on_tree("undo", roots.stem).err == f"Error: cannot read {roots}: Too many levels of symbolic links\n"
    assert on_tree("undo", entry, "--dry-run").code == 0


def test_a_history_that_cannot_be_opened_is_not_an_empty_one(on_tree: Pvc, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    for words in (("history", "list"), ("undo", "last"), ("history", "show", "last")):
        result = on_tree(*words)
        assert (result.code, result.err) == (3, f"Error: cannot read {folder}: Not a directory\n")


def test_the_tab_key_says_nothing_of_a_history_that_cannot_be_opened(
    pvc: Pvc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    for name, value in (("_PVC_COMPLETE", "bash_complete"), ("PVC_LINE", "pvc undo "), ("PVC_BREAKS", " ")):
        monkeypatch.setenv(name, value)
    result = pvc()
    assert (result.out, result.err) == ("plain,last\n", "")


@pytest.mark.parametrize(
    ("words", "kind", "name"),
    [
        (("vm", "tag", "add", "web-01", "blue"), "vm", "web-01"),
        (("sriov", "vf", "set", "pvchv1/ens1f0v1", "--vlan-id", "7"), "vf", "pvchv1/ens1f0v1"),
        (("cluster", "maintenance", "on"), "cluster", "cluster"),
    ],
)
def test_programs_get_the_names_that_people_get(
    on_tree: Pvc, pvc: Pvc, tree: Tree, words: tuple[str, ...], kind: str, name: str
) -> None:
    before = tree.dump()
    entry = changed(on_tree, *words)
    paths = sorted(changes_between(before, tree.dump()))
    shown = json.loads(on_tree("history", "show", entry, "-o", "json").out)
    (item,) = shown["items"]
    assert (item["kind"], item["name"], item["status"]) == (kind, name, "changed")
    assert item.get("uuid") == (tree.uuid("web-01") if kind == "vm" else None)
    assert [change["path"] for change in item["changes"]] == paths
    assert all(change["key"] for change in item["changes"])
    assert [(c["kind"], c["name"], c["path"]) for c in shown["changes"]] == [(kind, name, path) for path in paths]
    assert on_tree("history", "show", entry, "-o", "name").out == f"{name}\n"
    # Elsewhere, only paths are known.
    elsewhere = ("--coordinators", "127.0.0.1:1", "history", "show", entry, "-o")
    document = json.loads(pvc(*elsewhere, "json").out)
    assert (document["items"], {change["name"] for change in document["changes"]}) == (None, {None})
    assert pvc(*elsewhere, "name").out.split() == paths


def test_what_may_have_been_changed_has_names_too(on_tree: Pvc, tree: Tree, stopped: subprocess.Popen[bytes]) -> None:
    shown = json.loads(on_tree("history", "show", "last", "-o", "json").out)
    assert (shown["items"], {change["name"] for change in shown["unfinished"]}) == ([], {"web-01"})
    assert on_tree("history", "show", "last", "-o", "name").out == "web-01\n"


def test_a_secret_on_the_command_line_is_in_no_log_and_no_history(
    on_tree: Pvc, tree: Tree, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: logged.append(line))
    entry = changed(on_tree, "key", "set", "node.ipmi.password", "pvchv1", "hunter2")
    assert tree.client.get("/nodes/pvchv1/ipmipassword")[0] == b"hunter2"
    outputs = [on_tree("history", *words).out for words in (("list",), ("list", "-o", "json"), ("show", entry))]
    assert listed(on_tree)[0]["command"][-1] == "********"
    assert [line for line in logged if "********" in line]
    assert not [text for text in (*logged, *outputs) if "hunter2" in text]
    # The value itself is there, for the undo.
    assert (folder / f"{entry}.jsonl").read_text().count("hunter2") == 1


def saved_as(on_tree: Pvc, tree: Tree, name: str) -> None:
    """Save the test's own cluster."""
    assert on_tree("connection", "add", name, tree.hosts).code == 0


def test_a_list_says_when_what_was_changed_where_and_how_much(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_as(on_tree, tree, "prod")
    changed(on_tree, "vm", "tag", "add", "web-01,web-02", "blue")
    changed(on_tree, "sriov", "vf", "set", "pvchv1", "ens1f0v1,ens1f0v3", "--vlan-id", "7", "--trust")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        lines = on_tree("history", "list").out.splitlines()
        at = time.strftime("%b %d %H:%M", time.localtime(listed(on_tree)[0]["time"]))
    time.tzset()
    assert lines[0].split() == ["ID", "TIME", "CLUSTER", "CHANGED", "COMMAND"]
    assert f"  {at}  prod           2  pvc sriov vf set" in lines[1]
    assert [(entry["changed"], entry["connection"]) for entry in listed(on_tree)] == [(2, "prod"), (2, "prod")]
    assert "Cluster: prod (" in on_tree("history", "show", "last").out


def test_an_entry_is_named_by_a_beginning_that_no_other_has(on_tree: Pvc, tree: Tree) -> None:
    first = changed(on_tree, "vm", "tag", "add", "web-01", "blue")
    time.sleep(1)
    second = changed(on_tree, "vm", "tag", "add", "web-02", "blue")
    both = first[:8]
    assert second.startswith(both)
    result = on_tree("undo", both)
    assert (result.code, result.out) == (1, "")
    assert f"2 changes begin with '{both}': give more of the ID, such as {second}" in result.err
    assert on_tree("history", "show", first[:17]).out == on_tree("history", "show", first).out
    assert on_tree("undo", first[:17]).code == 0
    assert listed(on_tree)[0]["undoes"] == first
    assert "Missing argument 'ID|last'" in on_tree("undo").err


def test_a_list_says_what_was_undone_by_which_entry(on_tree: Pvc, tree: Tree) -> None:
    first = changed(on_tree, "vm", "tag", "add", "web-01,web-02", "blue")
    undo = changed(on_tree, "undo", "last")
    assert [(e["id"], e["undoes"], e["undone_by"]) for e in listed(on_tree)] == [
        (undo, first, None),
        (first, None, undo),
    ]
    shown = on_tree("history", "list", "--columns", "id,note,undoes,undone-by", "-o", "csv", "--no-headers").out
    assert shown.split() == [f"{undo},,{first},", f"{first},undone,,{undo}"]
    assert json.loads(on_tree("history", "list", "--count-by", "note", "-o", "json").out)
    assert f"Undone by: {undo}" in on_tree("history", "show", first).out
    assert f"Undoes:  {first}" in on_tree("history", "show", undo).out
    # Once it is redone, it is not undone any more.
    redo = changed(on_tree, "undo", undo)
    assert [(e["undoes"], e["undone_by"]) for e in listed(on_tree)] == [(undo, None), (first, redo), (None, None)]


def test_what_was_undone_but_for_a_part_is_told_so(on_tree: Pvc, tree: Tree) -> None:
    first = changed(on_tree, "vm", "meta", "set", "web-01,web-02", "--profile", "other")
    tree.put(f"/domains/{tree.uuid('web-01')}/profile", b"third")
    assert on_tree("undo", "last").code == 1
    assert "partly undone" in on_tree("history", "list").out
    assert "Partly undone by: " in on_tree("history", "show", first).out


def test_what_was_changed_is_counted_for_many_and_for_the_killed(on_tree: Pvc, tree: Tree) -> None:
    changed(on_tree, "vm", "tag", "add", "--all", "aa", "bb", "cc")
    script = f"{FEW}\nfrom pvc_cli.connections.recorder import Recorder\nrecord, calls = Recorder.record, []\n" + (
        "def die(recorder, changes):\n"
        "    calls.append(1)\n"
        "    return record(recorder, changes) if len(calls) < 3 else os.kill(os.getpid(), signal.SIGKILL)\n"
        "Recorder.record = die"
    )
    run(tree, "vm", "tag", "add", "--all", "blue", script=script)
    killed, whole = (entry["changed"] for entry in listed(on_tree))
    tagged = json.loads(on_tree("vm", "list", "-g", "blue", "-o", "json").out)
    assert (killed, whole) == (len(tagged), 20)


def test_the_cluster_is_called_by_its_saved_connection_or_what_it_has(
    on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    file = tmp_path / "trial.json"
    on_tree("cluster", "backup", str(file))
    changed(on_tree, "vm", "tag", "add", "web-01", "blue")
    assert on_tree("--write", "-c", f"file:{file}", "vm", "tag", "add", "web-01", "red").code == 0
    lines = on_tree("history", "list", "--columns", "cluster", "--no-headers").out.split()
    assert lines == ["file:trial.json", tree.hosts]
    assert on_tree("history", "list", "--columns", "servers", "-o", "csv", "--no-headers").out.split() == [
        f"file:{file}",
        tree.hosts,
    ]
    saved_as(on_tree, tree, "lab")
    assert on_tree("history", "list", "--columns", "cluster", "--no-headers").out.split() == [
        "file:trial.json",
        "lab",
    ]


def test_a_list_fits_a_terminal_of_80_columns(on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    saved_as(on_tree, tree, "prod")
    changed(on_tree, "vm", "tag", "add", "web-01,web-02,db-01,db-02,mail-01", "a-long-tag", "another-long-tag")
    changed(on_tree, "undo", "last")
    monkeypatch.setattr("pvc_cli.output.writer.columns_of", lambda _stream: 80)
    lines = on_tree("history", "list").out.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert [" undone  pvc vm ta" in line for line in lines] == [False, False, True]


def test_the_command_has_room_before_less_important_columns_do(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_as(on_tree, tree, "prod")
    changed(on_tree, "vm", "tag", "add", "web-01,web-02", "production-tier", "backup-nightly")
    changed(on_tree, "undo", "last")
    for columns, header, command in (
        (120, "ID TIME CLUSTER CHANGED NOTE COMMAND", "pvc vm tag add web-01,web-02 production-tier backup-ni…"),
        (80, "ID CLUSTER NOTE COMMAND", "pvc vm tag add web-01,web-02 producti…"),
        (60, "ID CLUSTER NOTE COMMAND", "pvc vm tag add we…"),
    ):
        monkeypatch.setattr("pvc_cli.output.writer.columns_of", lambda _stream, columns=columns: columns)
        head, _, line = on_tree("history", "list").out.splitlines()
        assert (head.split(), len(line) <= columns) == (header.split(), True)
        assert line.endswith(f" undone  {command}")


def test_what_could_not_be_recorded_is_told_for_the_cluster_it_concerns(
    on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    on_tree("cluster", "backup", str(tmp_path / "other.json"))
    other = ("--write", "-c", f"file:{tmp_path / 'other.json'}")
    assert on_tree(*other, "vm", "tag", "add", "web-01", "elsewhere").code == 0
    saved_as(on_tree, tree, "prod")
    changed(on_tree, "vm", "tag", "add", "web-01", "known")
    run(tree, "vm", "tag", "add", "web-01", "missed", preexec=limit(20))
    said = re.compile(
        r"A change of prod is not in the history, which could not be written at \w{3} \d\d \d\d:\d\d\.\n"
    )
    assert said.fullmatch(on_tree("history", "list").err)
    assert said.fullmatch(on_tree("history", "list", "--cluster").err)
    assert on_tree(*other, "history", "list", "--cluster").err == ""
    # Of another cluster, nothing is missing.
    assert on_tree(*other, "undo", "last", "--dry-run").code == 0
    assert on_tree("undo", "last", "--dry-run").code == 1


def test_an_older_mark_of_what_could_not_be_recorded_counts_for_all_clusters(
    on_tree: Pvc, tree: Tree, folder: Path
) -> None:
    changed(on_tree, "vm", "tag", "add", "web-01", "known")
    folder.with_suffix(".missed").touch()
    assert on_tree("undo", "last").code == 1
    assert on_tree("history", "list", "--cluster").err.startswith("A change is not in the history, which could not")


def test_the_last_change_is_not_the_one_before_it_where_the_disk_was_full(
    on_tree: Pvc, tree: Tree, folder: Path
) -> None:
    known = changed(on_tree, "vm", "tag", "add", "web-01", "known")
    missed = run(tree, "vm", "tag", "add", "web-01", "missed", preexec=limit(20))
    assert (missed.returncode, "cannot be undone later" in missed.stderr) == (0, True)
    before = tree.dump()
    refused = on_tree("undo", "last")
    assert (refused.code, tree.dump()) == (1, before)
    assert refused.err == (
        "Error: the last change is not in the history, which could not be written then; the latest that is there is"
        f" {known}: see 'pvc history show {known}', and undo it with 'pvc undo {known}'\n"
    )
    assert on_tree("undo", known, "--dry-run").code == 0
    assert [path.stat().st_size for path in folder.parent.glob("*.missed")] == [0]
    changed(on_tree, "vm", "tag", "add", "web-01", "later")
    assert "tag later" in on_tree("undo", "last", "--dry-run").out


def test_a_missed_change_is_the_last_though_the_clock_was_set_back(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time() + 3600
    with monkeypatch.context() as patch:
        patch.setattr("pvc_cli.connections.entry_writer.time.time", lambda: ahead)
        changed(on_tree, "vm", "tag", "add", "web-01", "known")
    run(tree, "vm", "tag", "add", "web-01", "missed", preexec=limit(20))
    assert on_tree("undo", "last").err.startswith("Error: the last change is not in the history")
    changed(on_tree, "vm", "tag", "add", "web-01", "later")
    assert "tag later" in on_tree("undo", "last", "--dry-run").out
