"""`pvc vm list`, `pvc vm info` and `pvc node` on a real tree, a healthy one and one in all kinds of disorder."""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Callable

import pytest
import yaml

from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.query import find, list_vms, select
from pvc_cli.cluster.vms.read import read_summaries
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, round_trips

FIELDS = [
    "name", "uuid", "state", "node", "last_node", "migrated", "failed_reason", "node_limit", "node_selector",
    "node_autostart", "migration_method", "migration_max_downtime", "tags", "description", "profile", "memory",
    "memory_stats", "vcpu", "vcpu_topology", "vcpu_stats", "networks", "type", "arch", "machine", "console", "vnc",
    "emulator", "features", "disks", "controllers", "xml", "snapshots",
]  # fmt: skip


def names(result: str) -> list[str]:
    return result.split()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("^web-",), ["web-01", "web-02"]),
        (("b-0",), ["db-01", "db-02", "lab-01", "lab-02", "web-01", "web-02"]),
        (("-s", "fail"), ["lab-02"]),
        (("-t", "pvchv3", "-s", "start", "-g", "ci"), ["build-02"]),
        (("-g", "production", "-g", "stateful"), ["db-01", "db-02"]),
        (("-n", "-g", "production"), ["build-01", "build-02", "lab-01", "lab-02"]),
        (("-n", "-g", "production", "-g", "ci"), ["lab-01", "lab-02"]),
        (("-t", "pvchv1", "-t", "pvchv2", "web"), ["web-01", "web-02"]),
        (("-n", "-t", "pvchv1,pvchv2", "-g", "production"), ["build-02", "lab-02"]),
        (("-t", "!pvchv1", "-t", "!pvchv2", "-g", "ci"), ["build-02"]),
        (("-t", "pvchv[12]", "-g", "ci"), ["build-01"]),
        (("-s", "shutdown,fail"), ["lab-02", "web-02"]),
        (("-s", "!start"), ["lab-02", "web-02"]),
        (("-g", "prod*", "-g", "!production"), []),
        (("-g", "!production", "-t", "pvchv2"), ["build-01", "lab-01"]),
        (("nothing-like-it",), []),
    ],
)
def test_a_list_holds_what_was_asked_for(on_tree: Pvc, arguments: tuple[str, ...], expected: list[str]) -> None:
    result = on_tree("vm", "list", *arguments, "-o", "name")
    assert (result.code, names(result.out)) == (0, expected)
    assert result.err == ("" if expected else "No VM matches.\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("web-0*",), ["web-01", "web-02"]),
        (("web-01,db-*",), ["db-01", "db-02", "web-01"]),
        (("web-*", "-t", "pvchv1"), ["web-01"]),
        (("web-*", "-n", "-t", "pvchv1"), ["web-02"]),
    ],
)
def test_lists_and_changes_take_the_same_names(
    on_tree: Pvc, tree: Tree, words: tuple[str, ...], expected: list[str]
) -> None:
    assert names(on_tree("vm", "list", "--name", *words, "-o", "name").out) == expected
    tagged = json.loads(on_tree("vm", "tag", "add", "--name", *words, "new", "-o", "json").out)
    assert [item["name"] for item in tagged["items"]] == expected
    uuid = tree.uuid("web-01").upper()
    assert names(on_tree("vm", "list", "--name", uuid, "-o", "name").out) == ["web-01"]
    assert names(on_tree("vm", "list", "--name", "-", "-o", "name", stdin="lab-0?\ndb-01\n").out) == [
        "db-01", "lab-01", "lab-02"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--name", "WEB-01"), "there is no VM 'WEB-01': did you mean 'web-01'?"),
        (("list", "--name", "db-*,nope*"), "no VM matches 'nope*': see 'pvc vm list'"),
        (("tag", "add", "^web-", "x"), "'^web-' is not a shell pattern that matches a VM: try 'web-*'"),
    ],
)
def test_a_name_that_matches_no_vm_is_refused(on_tree: Pvc, words: tuple[str, ...], said: str) -> None:
    result = on_tree("vm", *words)
    assert (result.code, result.out, result.err) == (1, "", f"Error: {said}\n")


def test_an_expression_that_looks_like_a_shell_pattern_is_pointed_out(on_tree: Pvc) -> None:
    result = on_tree("vm", "list", "web-0*", "-o", "name")
    assert names(result.out) == ["web-01", "web-02"]
    assert result.err == (
        "Note: 'web-0*' is taken as a regular expression, found anywhere in a name;"
        " --name 'web-0*' takes it as a shell pattern.\n"
    )
    assert on_tree("-q", "vm", "list", "web-0*").err == ""
    assert on_tree("vm", "list", "*web").err == (
        "Error: invalid regular expression '*web': nothing to repeat at position 0; try 'web$';"
        " --name '*web' takes it as a shell pattern\n"
    )


@pytest.mark.parametrize("style", [(), ("-o", "name"), ("-o", "json")])
@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_an_expression_that_means_others_as_a_shell_pattern_is_refused(
    on_tree: Pvc, quiet: tuple[str, ...], style: tuple[str, ...]
) -> None:
    """It gave a script that was not to be bothered 200 names instead of 9."""
    by_name = "use --name 'db-?' for the shell pattern, or '(db-?)' for the expression"
    for words, advice in (
        (("vm", "list", "db-?"), by_name),
        (("inventory", "--list", "db-?"), by_name),
        (("node", "list", "pvch?"), "use '^pvch.$' for the shell pattern, or '(pvch?)' for the expression"),
    ):
        result = on_tree(*quiet, *words, *(() if words[0] == "inventory" else style))
        assert (result.code, result.out) == (2, "")
        assert advice in result.err
    assert names(on_tree("vm", "list", "(db-?)", "-o", "name").out) == ["db-01", "db-02"]
    assert on_tree("vm", "list", "--name", "db-0?", "-o", "name").out == "db-01\ndb-02\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("web-01,web-02",), "No VM matches; for a list, use --name web-01,web-02\n"),
        (("WEB-01",), "No VM matches; did you mean 'web-01'?\n"),
        (("web-01", "-s", "migrate"), "No VM matches.\n"),
        (("--disk", "web-01*"), "No VM matches; a disk is POOL/VOLUME: use --disk '*/web-01*' for one in any pool\n"),
        (("-s", "migrate"), "No VM matches.\n"),
        (
            ("-g", "production", "-g", "frontent"),
            "No VM matches; no VM has a tag 'frontent': did you mean 'frontend'?\n",
        ),
        (("-g", "x"), "No VM matches; no VM has a tag 'x': see 'pvc vm tag list'\n"),
        (("-g", "ci", "-g", "staging"), "No VM matches.\n"),
    ],
)
def test_a_mistyped_limit_is_named_where_nothing_matches(on_tree: Pvc, arguments: tuple[str, ...], said: str) -> None:
    result = on_tree("vm", "list", *arguments)
    assert (result.code, result.out, result.err) == (0, "", said)


def test_a_whole_uuid_is_a_pattern_too(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("vm", "list", tree.uuid("web-01").upper(), "-o", "name").out == "web-01\n"
    assert on_tree("vm", "list", "00000000-0000-0000-0000-000000000000", "-o", "name").out == ""


def test_a_node_that_does_not_exist_is_refused(on_tree: Pvc) -> None:
    result = on_tree("vm", "list", "-t", "pvchv4")
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: there is no node 'pvchv4': did you mean 'pvchv1', 'pvchv2' or 'pvchv3'?\n"


def test_the_table_shows_state_node_hardware_and_tags(on_tree: Pvc) -> None:
    lines = on_tree("vm", "list").out.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "NODE", "VCPUS", "MEMORY", "NETWORKS", "TAGS"]
    assert len(lines) == 21
    db = next(line for line in lines if line.startswith("db-01 "))
    assert db.split() == ["db-01", "start", "pvchv3", "8", "16", "GiB", "1001", "production,stateful"]


def test_documents_are_complete_typed_and_the_same_in_every_format(on_tree: Pvc, no_time_passes: None) -> None:
    documents = json.loads(on_tree("vm", "list", "-o", "json").out)
    assert len(documents) == 20
    assert all(list(document) == FIELDS for document in documents)
    db = next(document for document in documents if document["name"] == "db-01")
    assert (db["memory"], db["vcpu"], db["migration_max_downtime"]) == (16384, 8, 300)
    assert (db["node_autostart"], db["migrated"], db["node_limit"]) == (False, "no", ["pvchv1", "pvchv3"])
    assert db["tags"][1] == {"name": "stateful", "type": "user", "protected": True}
    assert db["snapshots"][0]["name"] == "before-upgrade"
    assert db["snapshots"][0]["timestamp"] == 1760000000.25
    assert db["vnc"] == {"listen": "127.0.0.1", "port": 5902}
    assert db["disks"][0].items() >= {"type": "rbd", "name": "vms/db-01_root", "dev": "sda", "bus": "scsi"}.items()
    assert yaml.safe_load(on_tree("vm", "list", "-o", "yaml").out) == documents
    assert json.loads(on_tree("vm", "list", "-f", "json").out) == documents
    assert json.loads(on_tree("vm", "list", "-f", "json-pretty").out) == documents
    assert on_tree("vm", "list", "-f", "raw").out == on_tree("vm", "list", "-o", "name").out
    assert on_tree("vm", "list", "-f", "pretty").out == on_tree("vm", "list").out


def test_info_of_one_vm_is_its_document(on_tree: Pvc, tree: Tree, no_time_passes: None) -> None:
    listed = json.loads(on_tree("vm", "list", "^db-01$", "-o", "json").out)[0]
    for name in ("db-01", tree.uuid("db-01"), tree.uuid("db-01").upper()):
        assert json.loads(on_tree("vm", "info", name, "-o", "json").out) == listed
    assert json.loads(on_tree("vm", "info", "-", "-o", "json", stdin="db-01\n").out) == [listed]
    assert len(json.loads(on_tree("vm", "info", "db-*", "-o", "json").out)) == 2


def test_info_shows_what_an_operator_looks_for(on_tree: Pvc) -> None:
    text = on_tree("vm", "info", "db-01").out
    for line in (
        "Name:          db-01",
        "Tags:          production, stateful (protected)",
        "16 GiB",
        "rbd:vms/db-01_data",
    ):
        assert line in text
    assert "before-upgrade (2025-10-09 08:53 UTC, XML since: +1/-1 lines)" in text
    assert "Failed because: The host ran out of memory" in on_tree("vm", "info", "lab-02").out
    assert "sriov (system)" in on_tree("vm", "info", "nfv-01").out


@pytest.mark.parametrize("version", [0, 2, 3, 13, 14])
def test_older_schemas_are_read_with_what_they_have(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    tree = demo(version=version)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    documents = json.loads(pvc("vm", "list", "-o", "json").out)
    assert len(documents) == 20
    db = next(document for document in documents if document["name"] == "db-01")
    assert bool(db["tags"]) == (version >= 3)
    assert db["migration_max_downtime"] == (300 if version >= 13 else None)
    assert bool(db["snapshots"]) == (version >= 14)
    assert pvc("vm", "info", "db-01").code == 0
    assert pvc("vm", "list", "-g", "production", "-o", "name").out.count("\n") == (16 if version >= 3 else 0)
    assert pvc("node", "list").code == 0
    assert json.loads(pvc("schema", "show", "-o", "json").out)["version"] == version


BAD_XML = [b"", b"<domain>", b"<!DOCTYPE d [<!ENTITY a 'x'>]><domain>&a;</domain>", b"\xff\xfe\x00", b"<network/>"]


def test_a_vm_in_disorder_never_hides_the_others(on_tree: Pvc, tree: Tree) -> None:
    bad = ["app-01", "build-01", "cache-01", "db-01", "dns-01"]
    for name, xml in zip(bad, BAD_XML, strict=True):
        tree.put(f"/domains/{tree.uuid(name)}/xml", xml)
    uuid = tree.uuid("web-01")
    for path, value in {
        "node_autostart": b"maybe",
        "migration_max_downtime": b"soon",
        "vnc": b"garbage",
        "snapshots/s/timestamp": b"never",
        "tags/odd/protected": b"\xff",
    }.items():
        tree.put(f"/domains/{uuid}/{path}", value)
    for child in ("state", "node", "tags", "snapshots"):
        tree.client.delete(f"/domains/{tree.uuid('web-02')}/{child}", recursive=True)
    tree.put("/domains/not-even-a-uuid", b"bare")
    tree.client.delete(f"/domains/{tree.uuid('lab-01')}/xml")

    listed = on_tree("vm", "list")
    assert listed.code == 0
    assert len(listed.out.splitlines()) == 22
    assert listed.err.count("Warning: the XML of VM") == 7
    documents = {d["name"]: d for d in json.loads(on_tree("vm", "list", "-o", "json").out)}
    assert len(documents) == 21
    assert documents["app-01"]["memory"] is None
    assert documents["web-01"]["node_autostart"] is None
    assert documents["web-01"]["migration_max_downtime"] is None
    assert documents["web-01"]["vnc"] == {"listen": None, "port": None}
    assert {"name": "odd", "type": "user", "protected": False} in documents["web-01"]["tags"]
    assert documents["web-02"]["tags"] == []
    assert documents["bare"]["state"] == ""
    for name in documents:
        assert on_tree("vm", "info", name).code == 0


def test_no_name_from_the_tree_reaches_a_terminal_unescaped(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    evil = "\x1b]0;owned\x07\u202e"
    tree.put(f"/domains/{uuid}", evil.encode())
    tree.put(f"/domains/{uuid}/failedreason", evil.encode())
    tree.put(f"/domains/{uuid}/state", evil.encode())
    tree.put(f"/domains/{uuid}/tags/\u202etag/type", evil.encode())
    tree.put(f"/domains/{uuid}/xml", evil.encode())
    for arguments in (("vm", "list"), ("vm", "info", uuid), ("vm", "tag", "list", uuid), ("vm", "tag", "list")):
        more = ("wide", "csv") if "list" in arguments else ()
        for style in ("table", "json", "jsonl", "yaml", "name", *more):
            result = on_tree(*arguments, "-o", style)
            assert result.code == 0
            for text in (result.out, result.err):
                assert all(line.isprintable() for line in re.split("\r?\n", text))
    result = on_tree("vm", "tag", "add", uuid, "t")
    assert result.err == "\\x1b]0;owned\\x07\\u202e: tag 't' added.\n"


def test_a_vm_that_is_deleted_while_it_is_listed_is_left_out(zk: ZKHandler, tree: Tree) -> None:
    chosen = list_vms(zk)
    victim = chosen[5]
    tree.client.delete(f"/domains/{victim.uuid}", recursive=True)
    assert [vm.name for vm in read_summaries(zk, [vm.uuid for vm in chosen])] == [
        vm.name for vm in chosen if vm is not victim
    ]


def test_finding_one_vm_by_name_among_a_thousand_is_two_round_trips(demo: Callable[..., Tree]) -> None:
    with ZKHandler(demo(vms=1000).hosts) as handler:
        _ = handler.schema
        before = round_trips(handler)
        (vm,) = find(handler, ["web-77"])
        assert round_trips(handler) - before == 2
        assert find(handler, [vm.uuid]) == [vm]
        assert round_trips(handler) - before == 3
        assert len(list(read_summaries(handler, [vm.uuid for vm in select(handler, Filters())]))) == 1000
        assert round_trips(handler) - before == 3 + 2 + 3


def test_watching_shows_the_list_again_after_each_change(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wait in place of the real wait, so as to make the next change at that moment; the last one interrupts."""
    from pvc_cli.zk.watch import Watcher

    uuid = tree.uuid("web-01")
    changes: list[Callable[[], object]] = [
        lambda: tree.put(f"/domains/{uuid}/state", b"stop"),
        lambda: tree.put(f"/domains/{uuid}/tags/seen/type", b"user"),
        lambda: tree.put(f"/domains/{uuid}/node_limit", b"pvchv2"),
        lambda: tree.client.delete(f"/domains/{uuid}", recursive=True),
    ]
    real_wait = Watcher.wait

    def change_and_wait(watcher: Watcher) -> bool:
        if not changes:
            raise KeyboardInterrupt
        assert not real_wait(watcher, 0)
        changes.pop(0)()
        assert real_wait(watcher, 5)
        return True

    monkeypatch.setattr(Watcher, "wait", change_and_wait)
    result = on_tree("vm", "list", "web-01", "--watch")
    assert result.code == 130
    rows = [line.split() for line in result.out.splitlines() if line.startswith("web-01")]
    assert [(row[1], row[-1], "!" in row) for row in rows] == [
        ("start", "frontend,production", False),
        ("stop", "frontend,production", False),
        ("stop", "frontend,production,seen", False),
        ("stop", "frontend,production,seen", True),
    ]


def test_a_watcher_wakes_up_for_a_change_that_comes_while_it_waits(zk: ZKHandler, tree: Tree) -> None:
    watcher = zk.watcher()
    watcher.watch(values=["base.config.maintenance", ("domain.state", "gone"), "base.nope"], children=["base.node"])
    assert not watcher.wait(0.2)
    started = time.monotonic()
    threading.Timer(0.2, tree.put, ("/config/maintenance", b"True")).start()
    assert watcher.wait(5)
    assert 0.2 < time.monotonic() - started < 1
    assert watcher.fired() == {"base.config.maintenance"}
    watcher.watch(values=["base.config.maintenance"])
    assert not watcher.wait(0.2)
    assert watcher.fired() == set()


def test_a_watcher_tells_a_loop_of_its_own_and_remembers_no_key_twice(zk: ZKHandler, tree: Tree) -> None:
    """Whoever never asks which keys changed must not pay for each change in memory."""
    told: queue.SimpleQueue[None] = queue.SimpleQueue()
    watcher = zk.watcher(on_change=lambda: told.put(None))
    for number in range(50):
        watcher.watch(values=["base.config.maintenance"])
        tree.put("/config/maintenance", str(number).encode())
        told.get(timeout=5)
    assert len(watcher._fired) == 1
    assert watcher.fired() == {"base.config.maintenance"}


def test_nodes_are_listed_with_their_states(on_tree: Pvc) -> None:
    result = on_tree("node", "list")
    lines = result.out.splitlines()
    assert (result.code, result.err, len(lines)) == (0, "", 4)
    assert lines[1].split()[:4] == ["pvchv1", "run", "primary", "ready"]
    assert on_tree("node", "list", "-o", "name").out.split() == ["pvchv1", "pvchv2", "pvchv3"]


def test_a_node_is_a_typed_document(on_tree: Pvc) -> None:
    document = json.loads(on_tree("node", "info", "pvchv1", "-o", "json").out)
    assert document == json.loads(on_tree("node", "list", "-o", "json").out)[0]
    assert document["memory"]["total"] == 131072
    assert (document["cpu_count"], document["load"], document["health"]) == (32, 1.25, 100)
    assert document["schema"] == {"active": 15, "latest": 15}
    assert len(document["running_domains"]) == document["domains_count"]
    assert "password" not in json.dumps(document).lower()
    assert len(json.loads(on_tree("node", "info", "pvchv1,pvchv2", "-o", "json").out)) == 2
    assert "128 GiB" in on_tree("node", "info", "pvchv1").out


def test_the_vms_on_a_node_and_those_that_run_there_are_told_apart(on_tree: Pvc, tree: Tree) -> None:
    """As it was: PVC's count of the running ones, and the running ones."""
    on_it = on_tree("vm", "list", "-t", "pvchv2", "-o", "name").out.splitlines()
    running = on_tree("vm", "list", "-t", "pvchv2", "-s", "start", "-o", "name").out.splitlines()
    assert len(running) < len(on_it)
    lines = on_tree("node", "info", "pvchv2").out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("VMs:")] == [
        f"{len(on_it)} on it, {len(running)} of them running"
    ]
    listed = on_tree("node", "list", "^pvchv2$", "--columns", "vms-up", "--no-headers").out
    assert int(listed) == len(running)
    assert "did you mean 'VMS-UP'?" in on_tree("node", "list", "--columns", "vms").err


def test_a_node_in_disorder_is_shown_with_question_marks(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv0")
    tree.put("/nodes/pvchv1/cpuload", b"high")
    lines = on_tree("node", "list").out.splitlines()
    assert lines[1].split()[0] == "pvchv0"
    assert "?" in lines[1]
    assert on_tree("node", "info", "pvchv0").code == 0
    assert json.loads(on_tree("node", "info", "pvchv1", "-o", "json").out)["load"] is None


def test_an_unknown_node_is_one_helpful_line(on_tree: Pvc) -> None:
    result = on_tree("node", "info", "pvchv9")
    assert (result.code, result.err) == (
        1,
        "Error: there is no node 'pvchv9': did you mean 'pvchv1', 'pvchv2' or 'pvchv3'?\n",
    )


def test_an_empty_cluster_is_said_to_be_empty(pvc: Pvc, empty: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", empty.hosts)
    for arguments, said in ((("vm", "list"), "No VM matches.\n"), (("node", "list"), "No nodes.\n")):
        result = pvc(*arguments)
        assert (result.code, result.out, result.err) == (0, "", said)
        assert pvc(*arguments, "-o", "json").out in ("[]\n", "[\n]\n")


def test_quiet_and_verbose(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("-q", "vm", "tag", "add", "web-01", "t").err == ""
    result = on_tree("-v", "vm", "list", "-o", "name")
    assert result.err == (
        f"Using {tree.hosts} (from PVC_COORDINATORS).\n"
        f"Connected to ZooKeeper at {tree.hosts}.\n"
        f"Disconnected from ZooKeeper at {tree.hosts}.\n"
    )


def test_a_state_that_pvc_does_not_have_is_a_usage_error(on_tree: Pvc, tree: Tree) -> None:
    for words in (("-s", "strt"), ("-s", "!strt"), ("-n", "-s", "strt"), ("-s", "strt", "--count-by", "state")):
        result = on_tree("vm", "list", *words)
        assert (result.code, result.out) == (2, "")
        assert result.err == "Error: PVC has no state 'strt': did you mean 'start'?\n"
    # A newer PVC may have it.
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"strt")
    assert on_tree("vm", "list", "-s", "strt", "-o", "name").out == "web-01\n"
