"""Several clusters answer one question: in one list, each with its name."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_acl

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.conftest import Pvc, Tree
from tests.integration.test_completion import complete
from tests.integration.test_lists import ARGUMENTS, LISTS
from tests.latency import far_away

BOTH = ("-c", "prod,lab")
OF_ONE = (
    "cluster backups list",
    "connection list",
    "history list",
    "network sriov pf drain",
    "network sriov vf audit",
    "network sriov vf history",
    "schema diff",
    "schema history",
)
OF_CLUSTERS = [words for words in LISTS if words not in OF_ONE]


@pytest.fixture
def lab(server: Ensemble, tree: Tree) -> Iterator[Tree]:
    """A second cluster, of 5 VMs."""
    chroot = f"{tree.client.chroot}-lab"
    client = KazooClient(server.hosts)
    client.start()
    client.create(chroot)
    client.chroot = chroot
    with ZKHandler(server.hosts + chroot) as handler:
        fill(handler, vms=5, schema=ZKSchema())
    yield Tree(client, server.hosts + chroot)
    client.stop()
    client.close()


@pytest.fixture
def saved(pvc: Pvc, tree: Tree, lab: Tree) -> Pvc:
    """Run pvc with both clusters saved, and one that does not answer."""
    for name, hosts in (("prod", tree.hosts), ("lab", lab.hosts), ("dead", "127.0.0.1:1")):
        assert pvc("connection", "add", name, hosts).code == 0
    return pvc


def test_a_table_has_the_clusters_as_its_first_column_in_the_order_they_are_named(saved: Pvc) -> None:
    result = saved(*BOTH, "vm", "list")
    lines = [line.split() for line in result.out.splitlines()]
    assert (result.code, result.err) == (0, "")
    assert lines[0][:3] == ["CLUSTER", "NAME", "STATE"]
    assert [line[0] for line in lines[1:]] == ["prod"] * 20 + ["lab"] * 5
    turned = saved("-c", "lab,prod", "vm", "list", "--no-headers")
    assert [line.split()[0] for line in turned.out.splitlines()] == ["lab"] * 5 + ["prod"] * 20


def test_an_option_that_is_repeated_names_several_and_an_empty_one_none(saved: Pvc) -> None:
    """The last one alone would hide that the other was not asked; an unset variable means no other cluster."""
    assert saved("-c", "prod", "-c", "lab", "vm", "list") == saved(*BOTH, "vm", "list")
    assert saved("-c", "prod", "vm", "list", "-c", "prod").out == saved("-c", "prod", "vm", "list").out
    refused = saved("-c", "prod", "vm", "stop", "web-01", "-c", "lab")
    assert (refused.code, refused.err) == (2, "Error: name one cluster for a change, not prod, lab\n")
    for words, why in (
        (("-c", ""), "--connection is empty: name a cluster, or omit it: see 'pvc --help'"),
        (("--coordinators", ""), "--coordinators is empty: name a cluster, or omit it: see 'pvc --help'"),
        (
            ("--coordinators", "a", "--coordinators", "b"),
            "--coordinators is given more than once: name the servers of one cluster: see 'pvc --help'",
        ),
        (("-c",), "Option '-c' requires an argument: see 'pvc --help'"),
    ):
        result = saved("vm", "list", *words)
        assert (result.code, result.out, result.err) == (2, "", f"Error: {why}\n")


@pytest.mark.parametrize("words", OF_CLUSTERS)
def test_every_list_has_in_every_format_what_the_clusters_have(saved: Pvc, no_time_passes: None, words: str) -> None:
    command = (*words.split(), *ARGUMENTS.get(words, ()))

    def both(style: str) -> str:
        result = saved(*BOTH, *command, "-o", style)
        assert result.code == 0, result.err
        return result.out

    def each(style: str) -> list[tuple[str, str]]:
        return [(name, saved("-c", name, *command, "-o", style).out) for name in ("prod", "lab")]

    found = [(name, json.loads(out)) for name, out in each("json")]
    documents = [
        {"cluster": name, **one} for name, them in found for one in (them if isinstance(them, list) else [them])
    ]
    assert json.loads(both("json")) == documents
    assert all(next(iter(one)) == "cluster" for one in json.loads(both("json")))
    assert [json.loads(line) for line in both("jsonl").splitlines()] == documents
    assert both("name").splitlines() == [f"{name}:{line}" for name, out in each("name") for line in out.splitlines()]
    rows = list(csv.reader(io.StringIO(both("csv"), newline="")))
    single = [(name, list(csv.reader(io.StringIO(out, newline="")))) for name, out in each("csv")]
    assert rows[0] == ["CLUSTER", *single[0][1][0]]
    assert rows[1:] == [[name, *row] for name, found in single for row in found[1:]]


def test_what_is_no_list_of_its_own_becomes_one(saved: Pvc) -> None:
    found = json.loads(saved(*BOTH, "vm", "tag", "list", "web-01", "-o", "json").out)
    assert [(one["cluster"], one["name"]) for one in found] == [("prod", "web-01"), ("lab", "web-01")]


def test_a_table_is_sorted_over_all_clusters(saved: Pvc) -> None:
    out = saved(*BOTH, "vm", "list", "--sort=-memory,name,cluster", "--columns", "name,memory", "-o", "csv").out
    rows = list(csv.reader(io.StringIO(out, newline="")))
    assert rows[0] == ["CLUSTER", "NAME", "MEMORY"]
    assert rows[1:] == sorted(rows[1:], key=lambda row: (-int(row[2]), row[1], row[0]))
    assert {row[0] for row in rows[1:5]} == {"prod", "lab"}
    moved = saved(*BOTH, "vm", "list", "--columns", "name,cluster", "-o", "csv").out
    assert moved.startswith("NAME,CLUSTER\r\n")


def test_documents_are_sorted_within_each_cluster(saved: Pvc) -> None:
    found = json.loads(saved(*BOTH, "vm", "list", "--sort=-memory", "-o", "json").out)
    assert [one["cluster"] for one in found] == ["prod"] * 20 + ["lab"] * 5
    memory = [one["memory"] for one in found]
    assert memory[:20] == sorted(memory[:20], reverse=True)
    assert memory[20:] == sorted(memory[20:], reverse=True)


@pytest.mark.parametrize("names", ["dead,prod,lab", "prod,dead,lab", "prod,lab,dead"])
def test_a_cluster_that_does_not_answer_hides_no_other(saved: Pvc, names: str) -> None:
    result = saved("--timeout", "1", "-c", names, "vm", "list", "-o", "json")
    assert result.code == 4
    assert [one["cluster"] for one in json.loads(result.out)] == ["prod"] * 20 + ["lab"] * 5
    line, document = result.err.splitlines()
    assert line.startswith("Error: dead: ZooKeeper at 127.0.0.1:1 did not answer within 1 s")
    assert json.loads(document)["error"]["message"] == line.removeprefix("Error: ")


FAR = 0.3


def test_clusters_are_read_side_by_side(saved: Pvc, tree: Tree, lab: Tree) -> None:
    def taken(names: str) -> float:
        begun = time.monotonic()
        result = saved("-c", names, "vm", "list", "-o", "json")
        assert (result.code, result.err) == (0, "")
        return time.monotonic() - begun

    with far_away(tree.hosts, FAR) as one, far_away(lab.hosts, FAR) as other, far_away(tree.hosts, FAR) as third:
        for name, hosts in (("a", one), ("b", other), ("c", third)):
            assert saved("connection", "add", name, hosts).code == 0
        # One after the other, three take three times as long as one. Timed: two more tries are for a busy machine.
        assert any(taken("a,b,c") < 1.5 * taken("a") for _ in range(3))


@pytest.mark.parametrize("names", ["mute,prod,dead,lab", "prod,lab,mute,dead"])
def test_clusters_that_do_not_answer_take_one_timeout_together(saved: Pvc, names: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # connections are accepted, and that is all
        assert saved("connection", "add", "mute", f"127.0.0.1:{mute.getsockname()[1]}").code == 0
        begun = time.monotonic()
        result = saved("--timeout", "2", "-c", names, "vm", "list", "-o", "name")
        taken = time.monotonic() - begun
    assert result.code == 4
    assert [line.partition(":")[0] for line in result.out.splitlines()] == ["prod"] * 20 + ["lab"] * 5
    assert [line.split()[1] for line in result.err.splitlines()] == [
        f"{name}:" for name in names.split(",") if name in ("mute", "dead")
    ]
    assert taken < 2 * 2


def test_ctrl_c_ends_the_wait_for_all(saved: Pvc) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert saved("connection", "add", "mute", f"127.0.0.1:{mute.getsockname()[1]}").code == 0
        command = [sys.executable, "-m", "pvc_cli", "--timeout", "60", "-c", "prod,mute", "vm", "list"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            mute.accept()[0].close()  # somebody waits
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.lstrip().startswith("Error: interrupted")
    assert time.monotonic() - begun < 5


def test_a_cluster_that_refuses_hides_no_other_and_the_highest_exit_code_counts(
    saved: Pvc, tree: Tree, lab: Tree
) -> None:
    lab.client.delete(f"/domains/{lab.uuid('web-01')}", recursive=True)
    result = saved(*BOTH, "vm", "tag", "list", "web-01", "-o", "name")
    assert result.code == 1
    assert result.out.splitlines()[0].startswith("prod:")
    assert result.err.startswith("Error: lab: ")
    worse = saved("--timeout", "1", "-c", "dead,lab", "vm", "tag", "list", "web-01", "-o", "json")
    assert (worse.code, worse.out) == (4, "")
    assert [line.split()[1] for line in worse.err.splitlines() if line.startswith("Error")] == ["dead:", "lab:"]


@pytest.mark.parametrize("names", ["dead,prod,lab", "lab,dead,prod"])
def test_programs_get_one_error_object_of_all_clusters_that_has_the_exit_code(saved: Pvc, names: str) -> None:
    result = saved("--timeout", "1", "-c", names, "vm", "list", "--name", "nope", "-o", "json")
    assert (result.code, result.out) == (4, "")
    *lines, last = result.err.splitlines()
    assert [line.split()[1] for line in lines] == [f"{name}:" for name in names.split(",")]
    error = json.loads(last)["error"]
    assert (error["code"], error["kind"]) == (4, "unreachable")
    assert error["message"].startswith("dead: ZooKeeper at 127.0.0.1:1 did not answer")
    assert error["message"].endswith(" (and 2 more)")


def test_what_is_missing_is_said_of_each_cluster(saved: Pvc) -> None:
    result = saved(*BOTH, "vm", "list", "^none$")
    assert (result.code, result.out) == (0, "")
    assert [line.split()[0] for line in result.err.splitlines()] == ["prod:", "lab:"]


def test_names_from_standard_input_are_for_each_cluster(saved: Pvc) -> None:
    result = saved(*BOTH, "vm", "list", "-", "-o", "name", stdin="web-01\n")
    assert result.out.splitlines() == ["prod:web-01", "lab:web-01"]


def test_a_name_with_its_cluster_is_taken_for_no_vm(saved: Pvc, lab: Tree) -> None:
    before = lab.dump()
    names = saved(*BOTH, "vm", "list", "^web-01$", "-o", "name").out
    assert names == "prod:web-01\nlab:web-01\n"
    result = saved("-c", "lab", "vm", "tag", "add", "-", "blue", stdin=names)
    assert result.code == 1
    assert "prod:web-01" in result.err
    assert lab.dump() == before


def test_the_status_of_several_clusters_is_a_line_each_also_of_one_that_does_not_answer(saved: Pvc) -> None:
    result = saved("--timeout", "1", "-c", "prod,dead,lab", "cluster", "status")
    lines = result.out.splitlines()
    assert lines[0].split() == ["CLUSTER", "STATUS", "HEALTH", "NODES", "VMS", "MOST", "SERIOUS"]
    assert [line.split()[0] for line in lines[1:]] == ["prod", "dead", "lab"]
    assert "1 problem " in lines[1]
    assert "lab-02 failed" in lines[1]
    status, what = lines[2].split(maxsplit=2)[1:]
    assert (status, what[:50]) == ("unreachable", "ZooKeeper at 127.0.0.1:1 did not answer within 1 s")
    assert "see 'pvc" not in what
    assert "healthy" in lines[3]
    assert result.err.startswith("Error: dead: ")
    assert result.code == 4
    alone = saved("--timeout", "1", "-c", "dead", "cluster", "status")
    assert (alone.code, alone.out) == (4, "")


def test_programs_read_in_the_status_of_several_which_cluster_does_not_answer(saved: Pvc) -> None:
    words = ("--timeout", "1", "-c", "dead,lab", "cluster", "status")
    result = saved(*words, "-o", "json")
    dead, lab = json.loads(result.out)
    assert result.code == 4
    assert [*lab] == ["cluster", *json.loads(saved("-c", "lab", "cluster", "status", "-o", "json").out)]
    error = json.loads(result.err.splitlines()[-1])["error"]
    assert dead == {"cluster": "dead", "error": {**error, "message": error["message"].removeprefix("dead: ")}}
    assert (dead["error"]["code"], dead["error"]["kind"]) == (4, "unreachable")
    assert saved(*words, "-o", "name").out.startswith("dead:ZooKeeper at 127.0.0.1:1 did not answer")


def test_the_status_of_several_clusters_says_once_what_may_not_be_read(saved: Pvc, lab: Tree) -> None:
    lab.client.set_acls("/faults", [make_acl("world", "anyone", create=True)])
    result = saved(*BOTH, "cluster", "status")
    assert [line.split()[0] for line in result.out.splitlines()[1:]] == ["prod", "lab"]
    assert result.err.startswith("Error: lab: the output is incomplete")


def test_the_status_of_several_clusters_has_the_documents_and_the_exit_code_of_each(saved: Pvc) -> None:
    result = saved(*BOTH, "cluster", "status", "-o", "json")
    found, single = json.loads(result.out), json.loads(saved("-c", "lab", "cluster", "status", "-o", "json").out)
    assert result.code == 1
    assert [list(one) for one in found] == [["cluster", *single]] * 2
    assert [one["cluster"] for one in found] == ["prod", "lab"]
    assert saved("-c", "lab,prod", "cluster", "status", "--min-health", "0").code == 0
    refused = saved(*BOTH, "cluster", "status", "-o", "prometheus")
    assert (refused.code, refused.out) == (2, "")
    assert "-o prometheus takes one cluster" in refused.err


@pytest.mark.parametrize(
    "words", ["vm tag add web-01 blue", "vm stop web-01", "sriov vf set pvchv1 ens1f0v0 --vlan-id 7", "schema apply"]
)
def test_a_change_of_several_clusters_is_refused_before_any_is_asked(saved: Pvc, words: str) -> None:
    result = saved("-c", "dead,prod", *words.split())
    assert (result.code, result.out) == (2, "")
    assert result.err == "Error: name one cluster for a change, not dead, prod\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("vm info web-01", "vm info"),
        ("schema show", "schema show"),
        ("sriov vf audit", "sriov vf audit"),
        ("connection show", "connection show"),
        ("sriov vf history pvchv1 ens1f0v0", "sriov vf history"),
        ("vm tag add web-01 blue --dry-run", "vm tag add"),
        ("cluster backup kept.json", "cluster backup"),
    ],
)
def test_what_is_not_a_list_takes_one_cluster(
    saved: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = saved("-c", "dead,prod", *words.split())
    assert (result.code, result.out) == (2, "")
    assert result.err == f"Error: '{named}' takes one cluster, not dead, prod: name one\n"
    assert not (tmp_path / "kept.json").exists()


def test_one_cluster_is_watched(saved: Pvc) -> None:
    result = saved("-c", "dead,prod", "vm", "list", "--watch")
    assert (result.code, result.out) == (2, "")
    assert result.err == "Error: --watch takes one cluster: choose it with -c: see 'pvc vm list --help'\n"


@pytest.mark.parametrize(
    ("names", "code", "expected"),
    [
        ("dead,nope", 3, "there is no connection 'nope'"),
        ("dead,", 2, "'dead,' is not a list of clusters"),
        ("dead,dead", 2, "name each once"),
    ],
)
def test_a_mistyped_list_of_clusters_is_refused_before_any_is_asked(
    saved: Pvc, names: str, code: int, expected: str
) -> None:
    result = saved("-c", names, "vm", "list")
    assert (result.code, result.out) == (code, "")
    assert expected in result.err
    assert "did not answer" not in result.err


def test_the_environment_names_several_too_and_what_uses_no_cluster_does_not_mind(
    saved: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVC_CONNECTION", "prod,lab")
    assert len(saved("vm", "list", "-o", "name").out.splitlines()) == 25
    assert saved("vm", "info", "web-01").code == 2
    assert saved("connection", "list", "-o", "name").out.split() == ["dead", "lab", "prod"]
    assert saved("-c", "lab", "vm", "list", "web-01", "-o", "name").out == "web-01\n"
    assert saved("--coordinators", tree.hosts, "vm", "list", "web-01", "-o", "name").out == "web-01\n"


def test_backups_are_clusters_and_one_whose_path_has_a_comma_is_one(saved: Pvc, tmp_path: Path) -> None:
    backup = tmp_path / "monday,tuesday.json"
    assert saved("-c", "prod", "cluster", "backup", str(backup)).code == 0
    assert saved("-c", f"file:{backup}", "vm", "list", "web-01", "-o", "name").out == "web-01\n"
    plain = backup.rename(tmp_path / "monday.json")
    result = saved("-c", f"file:{plain},lab", "vm", "list", "web-01", "-o", "name")
    assert result.out.splitlines() == [f"file:{plain}:web-01", "lab:web-01"]


def test_a_new_connection_has_no_comma_in_its_name_and_an_old_one_stays_usable(
    saved: Pvc, home: Path, tree: Tree
) -> None:
    refused = saved("connection", "add", "a,b", "hv1")
    assert refused.code == 2
    assert "'a,b' is not a valid connection name" in refused.err
    path = home / "config" / "pvc" / "connections.yaml"
    path.write_text(path.read_text().replace("  lab:", f'  "prod,lab":\n    coordinators: {tree.hosts}\n  lab:'))
    assert saved(*BOTH, "vm", "list", "web-01", "-o", "name").out == "web-01\n"
    assert saved("connection", "add", "prod,lab", "hv9", "--force").code == 0


@pytest.mark.parametrize(
    ("word", "expected"),
    [("p", {"prod"}), ("prod,", {"prod,dead", "prod,lab"}), ("prod,l", {"prod,lab"}), ("prod,lab,p", set())],
)
def test_the_names_of_clusters_are_completed_one_after_the_other(
    saved: Pvc, monkeypatch: pytest.MonkeyPatch, word: str, expected: set[str]
) -> None:
    found = complete(f"pvc -c {word}", 2, saved, monkeypatch)
    assert {item.partition(",")[2] for item in found.split()} == expected
    assert complete(f"pvc -c {word}lab vm info w", 5, saved, monkeypatch).strip() == ""


def test_the_last_change_is_that_of_the_cluster_in_use_and_is_named(saved: Pvc, tree: Tree, lab: Tree) -> None:
    none = saved("-c", "prod", "undo", "last")
    assert (none.code, none.err) == (
        1,
        "Error: no change of this cluster is in the history: see 'pvc history list'\n",
    )
    saved("-c", "prod", "vm", "tag", "add", "web-01", "here")
    saved("-c", "lab", "vm", "tag", "add", "web-01", "there")
    result = saved("-c", "prod", "undo", "last")
    assert result.err.startswith("The last change was: pvc -c prod vm tag add web-01 here\n")
    assert not tree.client.exists(f"/domains/{tree.uuid('web-01')}/tags/here")
    assert lab.client.exists(f"/domains/{lab.uuid('web-01')}/tags/there")
