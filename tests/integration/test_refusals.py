"""Servers that refuse, trees that are strange, and files that are hostile: one line, the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.conftest import Pvc, Tree

Start = Callable[..., str]


@pytest.fixture
def start(zookeeper: None, tmp_path: Path) -> Iterator[Start]:
    """Start a server with a demo cluster, and start it again with other settings."""
    ensembles: list[Ensemble] = []

    def with_settings(settings: dict[str, str] | None = None, **properties: str) -> str:
        ensemble = Ensemble(tmp_path / "server")
        with ensemble, ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=2, schema=ZKSchema())
        ensemble = Ensemble(tmp_path / "server")
        ensemble.servers[0].settings |= settings or {}
        ensemble.servers[0].properties |= {f"zookeeper.{name}": value for name, value in properties.items()}
        ensembles.append(ensemble)
        ensemble.start()
        return ensemble.hosts

    yield with_settings
    for ensemble in ensembles:
        ensemble.stop()


def refused(pvc: Pvc, *arguments: str) -> tuple[int, str]:
    """The exit code and the one line of an error."""
    result = pvc(*arguments)
    assert (result.out, result.err.count("\n")) == ("", 1), result
    assert result.err.startswith("Error: ")
    return result.code, result.err


def test_a_server_for_authenticated_clients_only_says_so(pvc: Pvc, start: Start) -> None:
    hosts = start(**{"enforce.auth.enabled": "true", "enforce.auth.schemes": "digest"})
    code, error = refused(pvc, "--coordinators", hosts, "vm", "list")
    assert (code, "it serves authenticated clients only; give the connection a user" in error) == (1, True)


def test_a_quota_that_is_exceeded_is_named(pvc: Pvc, start: Start) -> None:
    hosts = start(enforceQuota="true")
    client = KazooClient(hosts)
    client.start()
    client.ensure_path("/zookeeper/quota/domains")
    client.create("/zookeeper/quota/domains/zookeeper_limits", b"count=1,bytes=-1=;byteHardLimit=-1;countHardLimit=1")
    client.create("/zookeeper/quota/domains/zookeeper_stats", b"count=100,bytes=100")
    client.stop()
    client.close()
    code, error = refused(pvc, "--coordinators", hosts, "vm", "tag", "add", "web-01", "blue")
    assert (code, "the quota of this part of the tree is exceeded" in error) == (1, True)


def test_a_server_with_too_many_connections_is_told_from_one_that_is_down(pvc: Pvc, start: Start) -> None:
    hosts = start({"maxClientCnxns": "1"})
    client = KazooClient(hosts)
    client.start()
    code, error = refused(pvc, "--coordinators", hosts, "--timeout", "1", "vm", "list")
    client.stop()
    client.close()
    assert (code, "closes connections at once: check that it runs, and maxClientCnxns" in error) == (4, True), error


@pytest.mark.parametrize("chroot", ["/..", "/.", "//", "/a//b", "/a/../b", "/\ud800"])
def test_a_chroot_that_addresses_another_znode_is_refused(pvc: Pvc, chroot: str) -> None:
    code, error = refused(pvc, "--coordinators", f"127.0.0.1:1{chroot}", "vm", "list")
    assert (code, "invalid ZooKeeper servers" in error) == (3, True)


def test_a_timeout_that_is_not_a_number_is_refused(pvc: Pvc) -> None:
    code, error = refused(pvc, "--timeout", "nan", "vm", "list")
    assert (code, "nan is not a number of seconds" in error) == (2, True)


@pytest.mark.parametrize("words", ["vm list -o json", "vm tag add web-01 new{closed} -o json"])
@pytest.mark.parametrize(("closed", "code"), [(0, 0), (1, 3), (2, 0)])
def test_a_closed_standard_stream_is_not_taken_by_another_file(
    demo: Callable[..., Tree], home: Path, words: str, closed: int, code: int
) -> None:
    tree = demo(vms=100)
    command = words.format(closed=closed)
    result = subprocess.run(
        ["sh", "-c", f'"$0" -m pvc_cli --coordinators {tree.hosts} {command} {closed}>&-', sys.executable],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home)},
        check=False,
        timeout=30,
    )
    assert (result.returncode, "Traceback" in result.stderr) == (code, False)
    assert json.loads(result.stdout or "null") if closed != 1 else result.stdout == ""


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "1e999", "nan"])
def test_a_huge_number_in_one_vm_takes_no_listing_down(on_tree: Pvc, tree: Tree, value: str) -> None:
    vm = f"/domains/{tree.uuid('web-01')}"
    xml = tree.client.get(f"{vm}/xml")[0].decode()
    for old, new in (("<memory ", f"<memory x='' unit='MiB'>{value}</memory><memory "), ("<vcpu", "<vcpu x=''")):
        tree.put(f"{vm}/xml", xml.replace(old, new).encode())
        for name in ("migrate_max_downtime", "snapshots/s/timestamp"):
            tree.put(f"{vm}/{name}", value.encode())
        for node in ("memtotal", "cpuload", "monitoring_health", "activeschema", "latestschema", "vcpualloc"):
            tree.put(f"/nodes/pvchv1/{node}", value.encode())
        tree.put("/nodes/pvchv1/sriov/vf/ens1f0v0/config/vlan_id", value.encode())
        for words in ("vm list", "vm list -o json", "vm info web-01 -o json", "node list -o json", "schema show"):
            assert on_tree(*words.split()).code == 0
        assert on_tree("cluster", "status").code in (0, 1)
        assert on_tree("sriov", "vf", "list", "-o", "json").code == 0


def definition(group: str, key: str, path: str) -> str:
    """A definition of version 16, as PVC's files are, with one more key."""
    groups: dict[str, dict[str, str]] = {}
    for known, made in ZKSchema().keys.items():
        first, _, name = known.partition(".")
        groups.setdefault(first, {})[name] = made.path.replace("//", "/").rstrip("/")
    groups[group][key] = path
    return json.dumps({"version": 16, "root": "", **groups})


@pytest.mark.parametrize(
    "text",
    [
        definition("base", "evil", "/../x"),
        definition("base", "evil", "/patroni"),
        definition("base", "evil", "/zookeeper/x"),
        definition("base", "evil", "/a//b"),
        definition("domain", "evil", "/../../nodes"),
        definition("domain", "evil", "/\ud800"),
        '{"version": 16, "base": ' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}",
        '{"version": 16, "base": []}',
    ],
    ids=["parent", "patroni", "zookeeper", "empty name", "item's parent", "surrogate", "nesting", "no mapping"],
)
def test_a_hostile_schema_definition_is_refused(pvc: Pvc, tmp_path: Path, text: str) -> None:
    (tmp_path / "16.json").write_text(text)
    code, error = refused(pvc, "--schema-dir", str(tmp_path), "schema", "show", "--version", "16")
    assert (code, str(tmp_path / "16.json") in error) == (1, True), error


@pytest.mark.parametrize(
    ("words", "code", "kind", "hint"),
    [
        (("vm", "info", "nosuch"), 1, "not_found", "see 'pvc vm list'"),
        (("vm", "stop", "web-1"), 1, "not_found", "did you mean 'web-01'?"),
        (("vm", "stop"), 2, "usage", "see 'pvc vm stop --help'"),
        (("vm", "list", "["), 2, "invalid_input", "--name '[' takes it as a shell pattern"),
        (("vm", "list", "--network", "Frontent"), 1, "not_found", "did you mean 'Frontend'?"),
    ],
)
def test_an_error_is_a_json_object_for_programs(
    on_tree: Pvc, words: tuple[str, ...], code: int, kind: str, hint: str | None
) -> None:
    plain = on_tree(*words)
    result = on_tree(*words, "-o", "json")
    assert (result.code, result.out, plain.code) == (code, "", code)
    line, document = result.err.splitlines()
    assert [line] == plain.err.splitlines()
    error = json.loads(document)["error"]
    assert error == {"code": code, "kind": kind, "message": line.removeprefix("Error: "), "hint": hint}


@pytest.mark.parametrize("words", ["apply -f FILE", "sriov vf apply -f FILE", "apply FILE", "cluster restore FILE"])
def test_a_wrong_file_is_refused_without_showing_what_is_in_it(on_tree: Pvc, tmp_path: Path, words: str) -> None:
    file = tmp_path / "tokens"
    for text in ("ghp_0123456789", "root:x:0:0:root\nbin:x:1:1:bin\n", '"one": ghp_0123456789'):
        file.write_text(text)
        code, error = refused(on_tree, *words.replace("FILE", str(file)).split())
        assert (code, "ghp_" in error, "root:x" in error) == (3, False, False)


@pytest.mark.parametrize(
    "words",
    [
        "vm tag add web-01 LONG", "vm list -s LONG", "vm list -o LONG", "vm list --min-memory LONG", "vm LONG",
        "vm list --min-memory=LONG", "vm list --LONG", "vm info LONG", "node primary a LONG", "vm list --sort LONG",
        "sriov vf set pvchv1 ens1f0v0 --vlan-id LONG", "vm list web-01 LONG", "undo LONG", "key get LONG",
        "-c LONG vm list", "--timeout LONG vm list",
    ],
)  # fmt: skip
def test_an_error_shows_the_beginning_of_a_long_argument(tree: Tree, pvc: Pvc, words: str) -> None:
    given = words.replace("LONG", "9x" * 200).split()
    _, error = refused(pvc, *([] if "-c" in given else ["--coordinators", tree.hosts]), *given)
    assert "9x" * 29 in error
    assert "9x" * 32 not in error
