"""What needs ZooKeeper alone: maintenance, faults, nodes, logs and XML, with PVC's own values."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from pvc_cli.cluster.keys import find_keys
from pvc_cli.commands._common.logs import added
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, changes_between, round_trips
from tests.waiting import wait_until


def test_maintenance_is_switched_in_pvcs_words(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    dry = on_tree("cluster", "maintenance", "on", "--dry-run")
    assert (dry.code, dry.out, tree.dump()) == (0, "would change cluster: maintenance off -> on\n", before)
    result = on_tree("cluster", "maintenance", "on")
    assert (result.code, result.err) == (0, "cluster: maintenance mode on.\n")
    assert changes_between(before, tree.dump()) == {"/config/maintenance": b"true"}
    assert on_tree("cluster", "maintenance", "on").err == "cluster: unchanged: maintenance mode on.\n"
    assert on_tree("cluster", "maintenance", "off").code == 0
    assert tree.client.get("/config/maintenance")[0] == b"false"
    assert on_tree("cluster", "maintenance", "maybe").code == 2


@pytest.mark.parametrize(
    ("value", "state"), [("False", "off"), ("", "off"), (None, "off"), ("True", "on"), ("1", "on")]
)
def test_maintenance_that_is_so_in_any_spelling_is_unchanged(
    on_tree: Pvc, tree: Tree, value: str | None, state: str
) -> None:
    if value is None:
        tree.client.delete("/config/maintenance")
    else:
        tree.put("/config/maintenance", value.encode())
    before = tree.dump()
    result = on_tree("cluster", "maintenance", state)
    assert (result.code, tree.dump()) == (0, before)
    assert result.err == f"cluster: unchanged: maintenance mode {state}.\n"


def report(tree: Tree, name: str, delta: str, message: str) -> None:
    for key, value in (
        *(("", name), ("/last_time", "2026-11-01 10:00:00"), ("/first_time", "2026-11-01 09:00:00")),
        *(("/ack_time", ""), ("/status", "new"), ("/delta", delta), ("/message", message)),
    ):
        tree.put(f"/faults/{name}{key}", value.encode())


def test_faults_are_listed_acknowledged_and_deleted(on_tree: Pvc, tree: Tree) -> None:
    report(tree, "aaaa0001", "50", "Node pvchv2 is dead")
    (fault,) = json.loads(on_tree("fault", "list", "--new", "-o", "json").out)
    assert fault == {
        "id": "aaaa0001",
        "last_reported": "2026-11-01 10:00:00",
        "first_reported": "2026-11-01 09:00:00",
        "acknowledged_at": "",
        "status": "new",
        "health_delta": 50,
        "message": "Node pvchv2 is dead",
    }
    assert on_tree("fault", "list", "-o", "name").out.split()[0] == "aaaa0001"
    assert "Node pvchv2 is dead (-50 % health)" in on_tree("cluster", "status").out
    before = tree.dump()
    assert on_tree("fault", "ack", "aaaa0001", "--dry-run").code == 0
    assert tree.dump() == before
    result = on_tree("fault", "ack", "aaaa0001")
    assert (result.code, result.err) == (0, "aaaa0001: acknowledged.\n")
    after = changes_between(before, tree.dump())
    assert after["/faults/aaaa0001/status"] == b"ack"
    assert re.fullmatch(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", after["/faults/aaaa0001/ack_time"] or b"")
    assert after.keys() == {"/faults/aaaa0001/status", "/faults/aaaa0001/ack_time"}
    assert "dead" not in on_tree("cluster", "status").out
    document = json.loads(on_tree("fault", "ack", "--all", "-o", "json").out)
    assert document["counts"] == {"changed": 0, "unchanged": 3, "refused": 0, "failed": 0}
    assert on_tree("fault", "delete", "aaaa0001").code == 0
    assert changes_between(before, tree.dump()) == {
        path: None for path in before if path.startswith("/faults/aaaa0001")
    }
    assert on_tree("fault", "delete", "--all").err.endswith("2 changed, 0 unchanged, 0 refused.\n")
    assert tree.client.get_children("/faults") == []


@pytest.mark.parametrize("arguments", [(), ("1c9a4f02", "--all")])
def test_which_faults_are_meant_has_to_be_said(on_tree: Pvc, arguments: tuple[str, ...]) -> None:
    assert on_tree("fault", "ack", *arguments).code == 2
    missing = on_tree("fault", "delete", "1c9a4f03")
    assert (missing.code, missing.err) == (
        1,
        "Error: there is no fault '1c9a4f03': did you mean '1c9a4f02'?\n",
    )


@pytest.mark.parametrize(
    ("command", "asked", "reached", "said"),
    [("flush", "flush", "flushed", "flush"), ("ready", "unflush", "ready", "return to ready")],
)
def test_a_node_is_flushed_and_made_ready(
    on_tree: Pvc, tree: Tree, command: str, asked: str, reached: str, said: str
) -> None:
    path = "/nodes/pvchv2/domainstate"
    tree.put(path, b"elsewhere")
    before = tree.dump()
    result = on_tree("node", command, "pvchv2")
    assert (result.code, result.err) == (0, f"pvchv2: {said} requested.\n")
    assert changes_between(before, tree.dump()) == {path: asked.encode()}
    for state, already in ((asked, "requested"), (reached, reached)):
        tree.put(path, state.encode())
        assert on_tree("node", command, "pvchv2").err == f"pvchv2: unchanged: already {already}.\n"
    tree.put("/nodes/pvchv2/daemonstate", b"dead")
    refused = on_tree("node", command, "pvchv1,pvchv2")
    assert on_tree("node", command, "pvchv1", "pvchv2", "--dry-run", "-o", "name").code == 1
    assert refused.code == 1
    assert "pvchv2: refused: its daemon, which would do it, is in state dead" in refused.err


def test_the_primary_coordinator_is_chosen_as_pvc_does(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    assert on_tree("node", "primary", "pvchv2").err == "pvchv2: change to primary requested.\n"
    assert changes_between(before, tree.dump()) == {"/config/primary_node": b"pvchv2"}
    # As it was: already primary, and already secondary, though no daemon had done anything yet.
    assert on_tree("node", "primary", "pvchv2").err == "pvchv2: unchanged: already requested.\n"
    assert on_tree("node", "secondary", "pvchv1").err == "pvchv1: unchanged: already requested.\n"
    tree.put("/nodes/pvchv1/routerstate", b"secondary")
    tree.put("/nodes/pvchv2/routerstate", b"primary")
    assert on_tree("node", "primary", "pvchv2").err == "pvchv2: unchanged: already primary.\n"
    assert on_tree("node", "secondary", "pvchv1").err == "pvchv1: unchanged: already secondary.\n"
    assert on_tree("node", "secondary", "pvchv2").code == 0
    assert tree.client.get("/config/primary_node")[0] == b"none"
    tree.put("/nodes/pvchv3/daemonmode", b"hypervisor")
    tree.put("/nodes/pvchv2/daemonstate", b"stop")
    for node, why in (("pvchv3", "it is not a coordinator"), ("pvchv2", "its daemon is in state stop")):
        refused = on_tree("node", "primary", node)
        assert (refused.code, refused.err) == (1, f"Error: {node}: refused: {why}\n")
    assert on_tree("node", "primary", "nope").code == 1


def test_a_stuck_lock_that_holds_up_a_change_of_the_primary_is_named(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/config/primary_node/sync_lock/{'0' * 32}__lock__0000000001", b"")
    lock = "base.config.primary_node.sync_lock"
    assert on_tree("node", "primary", "pvchv2").err == (
        f"pvchv2: change to primary requested, but the lock on {lock} is stuck, which holds it up: remove it with"
        " 'pvc schema apply --prune'.\n"
    )


def test_logs_are_shown_from_their_end_and_followed(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/logs/pvchv1/messages", b"one\ntwo\nthr\x1bee")
    assert on_tree("node", "log", "pvchv1", "--lines", "2").out == "two\nthr\\x1bee\n"
    assert on_tree("node", "log", "pvchv1", "-l", "0").out == ""
    path = f"/domains/{tree.uuid('web-01')}/consolelog"
    tree.put(path, b"booting\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "pvc_cli", "--coordinators", tree.hosts, "vm", "log", "web-01", "--follow"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "booting\n"
    tree.put(path, b"booting\nlogin:\n")
    assert process.stdout.readline() == "login:\n"
    process.send_signal(signal.SIGINT)
    wait_until(lambda: process.poll() is not None)
    process.stdout.close()
    assert process.returncode == 130
    tree.put(path, b"")
    empty = on_tree("vm", "log", "web-01")
    assert (empty.code, empty.out, empty.err) == (0, "", "web-01 has no log.\n")
    tree.client.delete(path)
    assert on_tree("vm", "log", "web-01").err == "Error: VM web-01 has no console log\n"
    assert on_tree("vm", "log", "web-*").code == 2


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ("a\nb", "a\nb\nc", ["c"]),
        ("a\nb\nc", "b\nc\nd\ne", ["d", "e"]),
        ("a", "a\na", ["a"]),
        ("", "a\nb", ["a", "b"]),
        ("a\nb", "x\ny", ["x", "y"]),
        ("a\nb", "a\nb", []),
        ("a\nb\na\nb", "a\nb\nc", ["c"]),
    ],
)
def test_what_was_added_to_a_log_is_told(before: str, now: str, new: list[str]) -> None:
    assert added(before, now) == new


def test_the_xml_of_vms_is_printed_as_it_is(on_tree: Pvc, tree: Tree) -> None:
    xml = tree.client.get(f"/domains/{tree.uuid('web-01')}/xml")[0].decode()
    assert on_tree("vm", "dump", "web-01").out == xml.rstrip("\n") + "\n"
    assert on_tree("vm", "dump", "web-01,web-02").out.count("<domain ") == 2
    assert on_tree("vm", "dump", "nope").code == 1


def test_older_clusters_have_no_faults(demo: object, pvc: Pvc) -> None:
    tree: Tree = demo(version=10)  # type: ignore[operator]
    result = pvc("--coordinators", tree.hosts, "fault", "list")
    assert result.code == 1
    assert "faults need schema version 11, and this cluster has 10" in result.err
    assert pvc("--coordinators", tree.hosts, "cluster", "status").code in (0, 1)


def test_single_keys_are_read_listed_and_set(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    assert on_tree("key", "get", "node.state.daemon", "pvchv1").out == "run\n"
    assert on_tree("key", "get", "domain.state", "web-01").out == "start\n"
    assert on_tree("schema", "path", "domain.state", "web-01").out == f"/domains/{uuid}/state\n"
    assert on_tree("key", "list", "base.node").out == "NAME\npvchv1\npvchv2\npvchv3\n"
    assert on_tree("key", "list", "base.node", "-o", "name").out == "pvchv1\npvchv2\npvchv3\n"
    assert "production" in on_tree("key", "list", "domain.meta.tags", uuid, "-o", "name").out
    before = tree.dump()
    assert (
        on_tree("key", "set", "domain.state", uuid, "stop", "--dry-run", "--paths").out
        == f"would set /domains/{uuid}/state = 'stop'\n"
    )
    assert tree.dump() == before
    assert on_tree("key", "set", "domain.state", uuid, "stop").err == f"/domains/{uuid}/state: set, was 'start'.\n"
    assert changes_between(before, tree.dump()) == {f"/domains/{uuid}/state": b"stop"}
    assert (
        on_tree("key", "set", "domain.state", uuid, "stop").err
        == f"/domains/{uuid}/state: unchanged: has this value.\n"
    )
    tree.client.delete(f"/domains/{uuid}/profile")
    assert on_tree("key", "get", "domain.profile", uuid).code == 1
    assert on_tree("key", "set", "domain.profile", uuid, "").code == 0
    assert tree.client.get(f"/domains/{uuid}/profile")[0] == b""
    tag = ("domain.meta.tags", uuid, "tag.protected", "production")
    assert on_tree("key", "set", *tag, "True").code == 0
    assert on_tree("key", "get", *tag).out == "True\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("set", "base.schema.version", "9"), 1, "cannot set the schema version alone"),
        (("set", "domain.state", "nobody", "stop"), 1, "there is no VM 'nobody': see 'pvc vm list'"),
        (("set", "domain.meta.tags", "nobody", "tag.type", "blue", "user"), 1, "there is no VM 'nobody'"),
        (("set", "node.sriov.vf", "pvchv1", "sriov_vf.used", "nope", "True"), 1, "there is no such item"),
        (("set", "base.config.maintenance"), 2, "expected KEY, its ITEM if it has one, and VALUE"),
        (("get", "domain.nope", "x"), 1, "schema version 15 has no key 'domain.nope'"),
        (("get", "domain.state", "../x"), 2, ""),
        (("get", "a", "b", "c"), 2, "expected KEY, KEY ITEM"),
        (("list", "domain.meta.tags", "nobody"), 1, "there is no VM 'nobody'"),
    ],
)
def test_what_is_not_a_key_is_refused(
    on_tree: Pvc, tree: Tree, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = tree.dump()
    result = on_tree("key", *arguments)
    assert (result.code, tree.dump() == before) == (code, True)
    assert said in result.err


def test_a_secret_key_is_masked(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv1/ipmipassword", b"hunter2")
    assert on_tree("key", "get", "node.ipmi.password", "pvchv1").out == "********\n"
    assert on_tree("key", "get", "node.ipmi.password", "pvchv1", "--show-secrets").out == "hunter2\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("S3cret\n", b"S3cret"),
        ("S3cret", b"S3cret"),
        ("S3cret\r\n", b"S3cret"),
        (" two\nlines\n\n", b" two\nlines\n"),
        ("\n", b""),
        ("-\n", b"-"),
    ],
)
def test_a_dash_reads_the_value_of_a_key_from_standard_input(
    on_tree: Pvc, tree: Tree, text: str, value: bytes
) -> None:
    done = on_tree("key", "set", "node.ipmi.password", "pvchv2", "-", stdin=text)
    assert (done.code, done.err) == (0, "/nodes/pvchv2/ipmipassword: set.\n")
    assert tree.client.get("/nodes/pvchv2/ipmipassword")[0] == value
    assert json.loads(on_tree("history", "list", "-o", "json").out)[0]["command"][-1] == "-"


def test_standard_input_without_a_value_sets_nothing(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    done = on_tree("key", "set", "node.ipmi.password", "pvchv2", "-", stdin="")
    assert (done.code, done.err) == (
        2,
        "Error: no value on standard input: send one, or give '' for an empty value\n",
    )
    assert tree.dump() == before


def test_the_bytes_of_a_value_from_a_pipe_are_kept(tree: Tree) -> None:
    command = [sys.executable, "-m", "pvc_cli", "--coordinators", tree.hosts, "key", "set"]
    done = subprocess.run(
        [*command, "node.ipmi.password", "pvchv2", "-"],
        input=b"a\r\nb\rc\xc3\xa9\n",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"/nodes/pvchv2/ipmipassword: set.\n")
    assert tree.client.get("/nodes/pvchv2/ipmipassword")[0] == b"a\r\nb\rc\xc3\xa9"
    refused = subprocess.run(
        [*command, "node.ipmi.password", "pvchv2", "-"], input=b"a\xff\n", capture_output=True, check=False
    )
    assert refused.returncode == 2
    assert b"not UTF-8" in refused.stderr


def test_a_dash_is_no_profile_and_no_pf(on_tree: Pvc, tree: Tree) -> None:
    """It stands for standard input elsewhere, so whoever gives it as a new value means that."""
    before = tree.dump()
    said = (
        on_tree("vm", "meta", "set", "web-01", "--profile", "-", stdin="small\n"),
        on_tree("sriov", "pf", "rename", "pvchv1", "ens1f0", "-", stdin="ens1f0np0\n"),
    )
    assert [(one.code, one.err) for one in said] == [
        (2, "Error: '-' is not a profile: give its name\n"),
        (2, "Error: '-' is not a PF: give its name\n"),
    ]
    assert tree.dump() == before


def test_wait_tells_when_a_node_is_flushed(on_tree: Pvc, tree: Tree) -> None:
    path = "/nodes/pvchv2/domainstate"
    late = on_tree("node", "flush", "pvchv2", "--wait", "--wait-timeout", "0.1")
    assert (late.code, late.err.splitlines()[-1]) == (
        1,
        "Error: pvchv2: failed: requested, but not done within 0.1 s: it is in state flush",
    )

    def obey(data: bytes | None, *_: object) -> None:
        if data == b"unflush":
            tree.client.set_async(path, b"ready")

    tree.client.DataWatch(path, obey)
    done = on_tree("node", "ready", "pvchv2", "--wait")
    assert (done.code, done.err) == (0, "Waiting for the daemons.\npvchv2: return to ready requested; done.\n")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("base.config.primary_node",), [("base.config.primary_node", "pvchv1")]),
        (("node.data.pvc_version", "1.0.*"), [(f"node.data.pvc_version pvchv{n}", "1.0.3") for n in (1, 2, 3)]),
        (("domain", "db-0[12]"), [("domain {db-01}", "db-01"), ("domain {db-02}", "db-02")]),
        (("domain.state", "fail"), [("domain.state {lab-02}", "fail")]),
        (("volume.stats", "{}x"), []),
        (
            ("tag.type", "system"),
            [("domain.meta.tags {nfv-01} tag.type sriov", "system")],
        ),
        (
            ("rule.order", "1"),
            [],
        ),
    ],
)
def test_items_are_found_by_the_value_of_a_key(
    on_tree: Pvc, tree: Tree, words: tuple[str, ...], found: list[tuple[str, str]]
) -> None:
    result = on_tree("key", "find", *words, "-o", "json")
    documents = json.loads(result.out)
    vms = {tree.client.get(f"/domains/{uuid}")[0].decode(): uuid for uuid in tree.client.get_children("/domains")}
    expected = [(key.format(**vms) if "{" in key else key, value) for key, value in found]
    if words[0] != "rule.order":
        assert sorted((" ".join(one["key"]), one["value"]) for one in documents) == sorted(expected)
    for one in documents:
        assert on_tree("key", "get", *one["key"]).out == f"{one['value']}\n"
        assert tree.client.exists(one["path"])


def test_all_items_that_have_a_key_are_listed_in_few_batches(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(vms=400)
    with ZKHandler(tree.hosts) as handler:
        assert len(find_keys(handler, "domain.node")) == 400
        before = round_trips(handler)
        assert len(find_keys(handler, "tag")) > 400
        assert round_trips(handler) - before <= 4
        assert len(find_keys(handler, "snapshot.stats", "{*")) > 40
    masked = pvc("--coordinators", tree.hosts, "key", "find", "node.ipmi.password")
    assert "********" in masked.out
    assert "Passw0rd" not in masked.out
    assert pvc("--coordinators", tree.hosts, "key", "find", "node.ipmi.password", "Pass*").out == ""
    missing = pvc("--coordinators", tree.hosts, "key", "find", "domain.nope")
    assert (missing.code, "schema version 15 has no key 'domain.nope'" in missing.err) == (1, True)


def test_times_of_faults_are_shown_in_one_format(on_tree: Pvc, tree: Tree) -> None:
    report(tree, "early", "1", "one")
    report(tree, "late", "1", "two")
    tree.put("/faults/early/last_time", b"2026-03-04 05:06:07.123456")
    tree.put("/faults/late/last_time", b"sometime")
    lines = on_tree("fault", "list", "--columns", "id,last-reported", "-o", "csv").out.splitlines()
    assert {"early,2026-03-04 05:06:07", "late,sometime"} <= set(lines)
