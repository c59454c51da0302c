from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pvc_cli.connections import sandbox
from pvc_cli.errors import ConfigError, UnreachableError
from pvc_cli.sandbox import server
from pvc_cli.sandbox.demo import COORDINATORS, cluster
from pvc_cli.zk import ZKSchema
from tests.conftest import Pvc, Tree, sessions
from tests.waiting import wait_until


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Start a sandbox from a process of its own, as everybody does: the servers outlive it."""
    command = [sys.executable, "-m", "pvc_cli", "sandbox", "start", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def no_sandbox_left(zookeeper: None, pvc: Pvc) -> Iterator[None]:
    """Whatever a test does, end its sandbox."""
    yield
    pvc("sandbox", "stop")


@pytest.mark.usefixtures("no_sandbox_left")
def test_a_sandbox_is_started_found_used_and_stopped(pvc: Pvc) -> None:
    assert pvc("sandbox", "status").code == 1
    started = start("--vms", "3", "-o", "json")
    assert started.returncode == 0, started.stderr
    document = json.loads(started.stdout)
    assert (document["vms"], document["schema_version"], len(document["processes"])) == (3, 15, 1)
    assert stat.S_IMODE(sandbox.sandbox_folder().stat().st_mode) == 0o700
    assert pvc("vm", "list", "-o", "name").out.split() == ["app-01", "db-01", "web-01"]
    assert json.loads(pvc("sandbox", "status", "-o", "json").out) == document
    assert document["hosts"] in pvc("sandbox", "status").out
    assert "vms" in pvc("sandbox", "status", "-c", "sandbox", "-o", "json").out
    assert pvc("vm", "list", "-o", "name", "-c", "sandbox").out.split() == ["app-01", "db-01", "web-01"]
    again = pvc("sandbox", "start")
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert "runs already" in again.err
    assert pvc("sandbox", "stop").err == "Sandbox stopped.\n"
    assert pvc("sandbox", "stop").err == "No sandbox is running.\n"
    assert not sandbox.sandbox_folder().exists()
    assert not any(Path(f"/proc/{process}/cmdline").exists() and Path(f"/proc/{process}/cmdline").read_bytes()
                   for process in document["processes"])  # fmt: skip
    result = pvc("vm", "list")
    assert (result.code, result.err.count("\n")) == (3, 3)
    gone = pvc("-c", "sandbox", "vm", "list")
    assert (gone.code, gone.err) == (3, "Error: no sandbox is running: start one with 'pvc sandbox start'\n")


@pytest.mark.usefixtures("no_sandbox_left")
def test_a_sandbox_warns_that_another_cluster_is_in_use(pvc: Pvc) -> None:
    assert pvc("connection", "add", "prod", "hv1:2181").code == 0
    started = start("--vms", "1")
    assert started.returncode == 0
    # As it was: the command that it told to try then ran on the other cluster.
    assert "Try 'pvc vm list'" not in started.stderr
    assert "Try 'pvc -c sandbox vm list'" in started.stderr
    warning = "Warning: without '-c sandbox', pvc uses hv1:2181 (from the current entry of"
    assert warning in started.stderr
    # As it was: only a fresh start said so.
    assert warning in pvc("sandbox", "status").err
    again = pvc("sandbox", "start")
    assert again.code == 1
    assert warning in again.err
    assert "Warning" not in pvc("-c", "sandbox", "sandbox", "status").err
    assert pvc("-c", "sandbox", "vm", "list", "-o", "name").out == "web-01\n"


@pytest.mark.usefixtures("no_sandbox_left")
def test_a_sandbox_of_three_servers_at_an_old_version(pvc: Pvc) -> None:
    started = start("--servers", "3", "--schema-version", "0", "--vms", "2")
    assert started.returncode == 0, started.stderr
    assert "2 VMs, schema version 0" in started.stderr
    status = json.loads(pvc("sandbox", "status", "-o", "json").out)
    assert len(status["processes"]) == status["hosts"].count(":") == 3
    assert json.loads(pvc("schema", "show", "-o", "json").out)["version"] == 0
    for host in status["hosts"].split(","):
        assert pvc("--coordinators", host, "vm", "list", "-o", "name").out.count("\n") == 2


@pytest.mark.usefixtures("no_sandbox_left")
def test_the_status_of_a_sandbox_says_which_servers_run_and_fails_without_a_quorum(pvc: Pvc) -> None:
    """As it was: the processes that were started, whether they run or not, and exit 0."""
    assert start("--servers", "3", "--vms", "2").returncode == 0
    first, second, third = json.loads(pvc("sandbox", "status", "-o", "json").out)["servers"]

    def end(server: dict[str, Any]) -> str:
        os.kill(server["process"], signal.SIGKILL)
        wait_until(lambda: not sandbox.is_sandbox_process(server["process"]), 10)
        return f"{server['process']} ({server['name']}, ended)"

    ended = [end(third)]
    result = pvc("sandbox", "status")
    assert (result.code, result.err) == (0, "")
    assert "2 of 3 servers run\n" in result.out
    assert ended[0] in result.out
    ended.append(end(first))
    result = pvc("sandbox", "status")
    assert result.code == 1
    assert "1 of 3 servers run: no quorum\n" in result.out
    assert all(words in result.out for words in ended)
    assert f"{second['process']} ({second['name']})" in result.out
    assert "end it with 'pvc sandbox stop'" in result.err
    document = json.loads(pvc("sandbox", "status", "-o", "json").out)
    assert [server["running"] for server in document["servers"]] == [False, True, False]
    assert document["quorum"] is False


@pytest.mark.parametrize("version", ["16", "-1"])
def test_a_sandbox_of_an_unknown_version_is_refused(pvc: Pvc, version: str) -> None:
    result = pvc("sandbox", "start", f"--schema-version={version}")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert sandbox.sandbox_hosts() is None


def test_without_zookeeper_or_java_it_says_what_to_install(
    pvc: Pvc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ZOOKEEPER_HOME", raising=False)
    monkeypatch.setattr(server, "_DEBIAN_JARS", tmp_path)
    result = pvc("sandbox", "start")
    assert (result.code, result.err.count("\n")) == (3, 1)
    assert "apt-get install zookeeper" in result.err
    monkeypatch.setenv("ZOOKEEPER_HOME", str(tmp_path))
    assert f"ZOOKEEPER_HOME={tmp_path} holds no lib/zookeeper-*.jar" in pvc("sandbox", "start").err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no Java runtime: apt-get install" in pvc("sandbox", "start").err


@pytest.mark.usefixtures("zookeeper")
def test_an_apache_distribution_is_used_where_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lib = tmp_path / "apache-zookeeper" / "lib"
    lib.mkdir(parents=True)
    debian = Path("/usr/share/java")
    for jar in ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop"):
        (lib / f"{jar}-3.8.0.jar").symlink_to(debian / f"{jar}.jar")
    for netty in debian.glob("netty-*.jar"):
        (lib / netty.name).symlink_to(netty)
    monkeypatch.setenv("ZOOKEEPER_HOME", str(lib.parent))
    assert server.class_path() == f"{lib}/*"
    with server.Ensemble(tmp_path / "data") as ensemble:
        assert server.accepts_sessions(ensemble.servers[0].port)


@pytest.mark.usefixtures("zookeeper")
def test_a_server_that_dies_at_its_start_is_told_of_and_none_is_left(tmp_path: Path) -> None:
    ensemble = server.Ensemble(tmp_path, 3)
    ensemble.servers[1].settings["tickTime"] = "never"
    with pytest.raises(UnreachableError, match=r"ended: see .*server2/server.log"):
        ensemble.start()
    assert all(member.process is None for member in ensemble.servers)


@pytest.mark.usefixtures("zookeeper")
def test_readiness_is_a_session_not_an_open_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_START_TIMEOUT", 0.5)
    alone = server.Ensemble(tmp_path, 3).servers[0]
    alone.launch()
    try:
        with pytest.raises(UnreachableError, match="accepts no session after"):
            alone.wait()
    finally:
        alone.stop()


def test_probing_leaves_no_session_behind(empty: Tree) -> None:
    port = int(empty.hosts.partition("/")[0].partition(":")[2])
    before = sessions(empty.hosts)
    assert all(server.accepts_sessions(port) for _ in range(5))
    # Sooner than a session that is not closed would end by itself, after 4 s.
    wait_until(lambda: sessions(empty.hosts) <= before, 2)


@pytest.mark.parametrize("version", range(16))
def test_the_demo_cluster_has_every_key_of_its_version_and_no_other(version: int) -> None:
    schema = ZKSchema(version)
    pairs = list(cluster(12, schema))
    paths = [schema.path(key) for key, _ in pairs]
    assert None not in paths
    assert len(set(paths)) == len(paths)
    seen = {"/"}
    for path in paths:
        assert path is not None
        assert path.rpartition("/")[0] in seen | {""}
        seen.add(path)
    assert seen >= {schema.keys[key].path for key in schema.keys if key.startswith("base.")}
    for node in COORDINATORS:
        assert seen >= {f"/nodes/{node}{definition.path}" for _, definition in schema.keys_of("node")}
    assert ("/schema/version" in seen, dict(pairs)["base.schema.version"]) == (True, str(version))


def test_the_same_arguments_give_the_same_tree() -> None:
    assert list(cluster(25, ZKSchema())) == list(cluster(25, ZKSchema()))


def test_a_folder_that_cannot_be_cleared_is_a_config_error(home: Path) -> None:
    from pvc_cli.sandbox import control

    folder = sandbox.sandbox_folder()
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be cleared"):
        control.stop()
    assert os.path.lexists(folder)


@pytest.mark.usefixtures("no_sandbox_left")
def test_nothing_in_a_sandbox_is_waited_for(pvc: Pvc) -> None:
    assert start("--vms", "3").returncode == 0
    state = json.loads(pvc("vm", "info", "web-01", "-o", "json").out)["state"]
    for words, advice in (
        (("vm", "shutdown", "web-01", "--wait"), "omit --wait"),
        (("vm", "disable", "web-01"), "use --force to stop running VMs at once"),
        (("node", "flush", "pvchv1", "--wait"), "omit --wait"),
    ):
        result = pvc(*words)
        assert (result.code, result.err) == (
            1, f"Error: cannot wait: the sandbox runs no node daemons, which would act on it; {advice}\n",
        )  # fmt: skip
    assert pvc("sriov", "vf", "claim", "pvchv1", "ens1f0v0", "web-01").code == 0
    drain = pvc("sriov", "pf", "drain", "pvchv1", "ens1f0")
    assert (drain.code, drain.out.split()[0]) == (1, "VF")
    assert drain.err.endswith("which would act on it; use --dry-run to see who uses the VFs\n")
    assert json.loads(pvc("vm", "info", "web-01", "-o", "json").out)["state"] == state
    assert pvc("vm", "disable", "web-01", "--force").code == 0
