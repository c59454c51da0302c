from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pvc_cli.connections import sandbox
from pvc_cli.connections.resolve import Target, resolve, several
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import ConfigError, NoClusterError
from pvc_cli.files import write_file
from pvc_cli.zk.access import Access, Tls
from tests.conftest import Pvc

PVC_CONF = """
cluster:
  name: one
  coordinator_nodes: [127.0.0.1, localhost]
  networks: {cluster: {domain: pvc.invalid}}
database: {zookeeper: {port: 2182}}
something_else: [1, {a: b}]
"""


@pytest.fixture
def connections() -> Path:
    Connections(Connections.load().path, {"prod": "hv1,hv2", "lab": "lab:2182/pvc"}, "prod").save()
    return Connections.load().path


@pytest.fixture
def pvc_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "pvc.conf"
    path.write_text(PVC_CONF)
    monkeypatch.setenv("PVC_CONFIG_FILE", str(path))
    return path


def test_no_cluster_anywhere_says_how_to_name_one() -> None:
    with pytest.raises(NoClusterError, match="pvc connection add NAME") as raised:
        resolve(None, None)
    first, second = raised.value.more
    assert "--coordinators" in first
    assert "pvc sandbox start" in second


def test_flags_win_then_environment_then_the_current_connection_then_pvc_conf(
    connections: Path, pvc_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve(None, None).hosts == "hv1,hv2"
    monkeypatch.setenv("PVC_CONNECTION", "lab")
    assert resolve(None, None).hosts == "lab:2182/pvc"
    assert resolve("prod", None).hosts == "hv1,hv2"
    assert resolve(None, "flag:1").hosts == "flag:1"
    monkeypatch.delenv("PVC_CONNECTION")
    monkeypatch.setenv("PVC_COORDINATORS", "env:1")
    assert resolve(None, None).hosts == "env:1"
    monkeypatch.delenv("PVC_COORDINATORS")
    connections.unlink()
    assert resolve(None, None).hosts == "127.0.0.1:2182,localhost:2182"


def test_two_clusters_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="use one"):
        resolve("a", "b")
    monkeypatch.setenv("PVC_CONNECTION", "a")
    monkeypatch.setenv("PVC_COORDINATORS", "b")
    with pytest.raises(ConfigError, match="unset one"):
        resolve(None, None)


def test_an_unknown_connection_is_named_with_its_origin(connections: Path) -> None:
    with pytest.raises(ConfigError, match=r"'nope' in .*connections.yaml \(from --connection\)"):
        resolve("nope", None)


@pytest.mark.parametrize(("typo", "meant"), [("prdo", "prod"), ("sandbx", "sandbox"), ("prod ", "prod")])
def test_a_mistyped_connection_is_answered_with_the_one_that_is_meant(
    connections: Path, typo: str, meant: str
) -> None:
    with pytest.raises(ConfigError, match=rf"'{typo}' in .*: did you mean '{meant}'\?$"):
        resolve(typo, None)


def test_blanks_around_the_names_of_clusters_do_not_count(connections: Path) -> None:
    assert several("prod, lab", None) == several(" prod ,lab", None) == ["prod", "lab"]


def test_the_connections_file_is_private_and_whole(connections: Path) -> None:
    assert stat.S_IMODE(connections.stat().st_mode) == 0o600
    assert stat.S_IMODE(connections.parent.stat().st_mode) == 0o700
    assert Connections.load() == Connections(connections, {"prod": "hv1,hv2", "lab": "lab:2182/pvc"}, "prod")
    assert [path.name for path in connections.parent.iterdir()] == ["connections.yaml"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("connections: [", "line 1 is not valid YAML"),
        ("[]", "expected a mapping"),
        ("connections: {a: 3}", "'a' has no 'coordinators'"),
        ("connections: {a: {coordinators: [x]}}", "'a' has no 'coordinators'"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_a_broken_connections_file_is_named_with_the_reason(connections: Path, text: str, why: str) -> None:
    connections.write_text(text)
    with pytest.raises(ConfigError, match=why) as error:
        resolve(None, None)
    assert str(connections) in str(error.value)


def test_an_empty_connections_file_holds_none(connections: Path) -> None:
    connections.write_text("")
    assert Connections.load().hosts == {}


def test_a_connections_file_that_cannot_be_written_is_a_config_error(home: Path) -> None:
    home.mkdir()
    (home / "config").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot write"):
        Connections(home / "config" / "pvc" / "connections.yaml", {}).save()


def test_a_missing_pvc_conf_is_an_error_only_where_it_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVC_CONFIG_FILE", "/nowhere/pvc.conf")
    with pytest.raises(ConfigError, match="PVC_CONFIG_FILE is /nowhere"):
        resolve(None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cluster: {}", "coordinator_nodes is missing: use --coordinators"),
        ("cluster: {coordinator_nodes: hv1}", "coordinator_nodes is not a list"),
        ("cluster: {coordinator_nodes: [1]}", "coordinator_nodes is not a list"),
        ("cluster: {coordinator_nodes: [hv1]}\ndatabase: {zookeeper: {port: high}}", "port is not a port"),
        ("cluster: {coordinator_nodes: [hv1]}\ndatabase: {zookeeper: {port: 0}}", "port is not a port"),
        ("cluster: {coordinator_nodes: [hv1]}\ndatabase: {zookeeper: {port: true}}", "port is not a port"),
        ("just text", "coordinator_nodes is missing"),
    ],
)
def test_a_wrong_pvc_conf_is_named_with_the_place(pvc_conf: Path, text: str, why: str) -> None:
    pvc_conf.write_text(text)
    with pytest.raises(ConfigError, match=why):
        resolve(None, None)


def test_pvc_conf_without_a_port_means_zookeepers_own(pvc_conf: Path) -> None:
    pvc_conf.write_text("cluster: {coordinator_nodes: [127.0.0.1]}")
    assert resolve(None, None).hosts == "127.0.0.1:2181"


def test_a_node_that_does_not_resolve_is_looked_for_in_the_clusters_domain(pvc_conf: Path) -> None:
    pvc_conf.write_text(PVC_CONF.replace("127.0.0.1, localhost", "nosuchhost, a.b, localhost"))
    assert resolve(None, None).hosts == "nosuchhost.pvc.invalid:2182,a.b:2182,localhost:2182"


@pytest.mark.parametrize(
    "state", ["", "{}", '{"hosts": "x", "processes": ["y"]}', '{"hosts": "x", "processes": [1]}']
)
def test_a_sandbox_that_does_not_run_is_not_found(state: str) -> None:
    folder = sandbox.sandbox_folder()
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(state)
    assert sandbox.sandbox_hosts() is None


def test_the_number_of_a_dead_sandbox_process_may_be_anothers() -> None:
    folder = sandbox.sandbox_folder()
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps({"hosts": "x", "processes": [os.getpid()]}))
    assert sandbox.sandbox_hosts() is None


@pytest.mark.parametrize("password", ["052", "yes", "52:54:00", "1e3", "~", "0x1f"])
def test_a_password_is_the_text_that_is_written(home: Path, password: str) -> None:
    path = home / "config" / "pvc" / "connections.yaml"
    write_file(path, f"connections: {{a: {{coordinators: hv1, user: 007, password: {password}}}}}\n")
    assert Connections.load().access("a") == Access(user="007", password=password)
    Connections.load()._replace(current="a").save()
    assert (Connections.load().access("a").password, Connections.load().current) == (password, "a")


@pytest.mark.parametrize("name", ["on", "010", "null", "1.0"])
def test_a_connection_keeps_its_name(pvc: Pvc, name: str) -> None:
    assert pvc("connection", "add", name, "hv1").code == 0
    assert pvc("connection", "add", "other", "hv2").code == 0
    assert (Connections.load().hosts, Connections.load().current) == ({name: "hv1", "other": "hv2"}, name)


def test_the_environments_credentials_go_to_no_saved_connection(pvc: Pvc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVC_ZK_USER", "pvc")
    monkeypatch.setenv("PVC_ZK_PASSWORD", "secret")
    monkeypatch.setenv("PVC_ZK_ACL", "creator")
    pvc("connection", "add", "open", "hv1")
    assert resolve("open", None).access == Access()
    assert resolve(None, "hv1").access == Access(user="pvc", password="secret", acl="creator")
    path = Connections.load().path
    path.write_text("connections: {mine: {coordinators: hv1, user: me}}\n")
    assert resolve("mine", None).access == Access(user="me", password="secret")


def test_a_connection_that_is_replaced_keeps_nothing_of_the_old_one(pvc: Pvc, tmp_path: Path) -> None:
    password = tmp_path / "password"
    write_file(password, "secret")
    options = ("--user", "pvc", "--password-file", str(password), "--ca", "/ca.pem", "--acl", "creator")
    assert pvc("connection", "add", "prod", "hv1", *options).code == 0
    assert pvc("connection", "add", "prod", "hv1").err.startswith("Connection 'prod' is saved already")
    assert pvc("connection", "add", "prod", "hv2").code == 1
    assert pvc("connection", "add", "prod", "hv2", "--force").code == 0
    assert resolve("prod", None) == Target("hv2", "--connection", Access(), "prod")


def test_no_check_hostname_alone_means_tls(pvc: Pvc) -> None:
    pvc("connection", "add", "prod", "hv1", "--no-check-hostname")
    assert resolve("prod", None).access == Access(tls=Tls(check_hostname=False))


def test_connections_added_at_once_are_all_kept(home: Path) -> None:
    """Each is a process of its own, as scripts start them."""
    environment = {**os.environ, "HOME": str(home)}
    added = [
        subprocess.Popen(
            [sys.executable, "-m", "pvc_cli", "-q", "connection", "add", f"c{n}", f"hv{n}"], env=environment
        )
        for n in range(12)
    ]
    assert [process.wait(30) for process in added] == [0] * 12
    assert set(Connections.load().hosts) == {f"c{n}" for n in range(12)}


def test_a_node_configuration_may_name_ipv6_addresses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "pvc.conf"
    write_file(path, 'cluster: {coordinator_nodes: ["::1", "fd00::2"]}\n')
    monkeypatch.setenv("PVC_CONFIG_FILE", str(path))
    assert resolve(None, None).hosts == "[::1]:2181,[fd00::2]:2181"


def test_a_small_file_that_expands_to_a_huge_document_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    path = home / "pvc.conf"
    write_file(path, "\n".join([*lines, "cluster: {coordinator_nodes: *a29}", ""]))
    monkeypatch.setenv("PVC_CONFIG_FILE", str(path))
    with pytest.raises(ConfigError, match="has more than 100,000 values: check its aliases"):
        resolve(None, None)
    path.write_text("a: &a [*a]\n")
    with pytest.raises(ConfigError, match="check its aliases"):
        resolve(None, None)
