"""ZooKeeper's own health, on three real servers of which one or two are killed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pvc_cli.errors import UnreachableError
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble, Server
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.ensemble import ask_servers
from tests.conftest import Pvc, Tree
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def trio(zookeeper: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    with Ensemble(tmp_path_factory.mktemp("trio"), 3, heap="192m") as ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=3, schema=ZKSchema())
        yield ensemble


@pytest.fixture
def three(trio: Ensemble, monkeypatch: pytest.MonkeyPatch) -> Ensemble:
    """Three servers that all serve, and follow their leader."""
    for server in trio.servers:
        if server.process is None:
            server.launch()
    for server in trio.servers:
        server.wait()
    wait_until(lambda: in_step(trio) == 2, 20, lambda: str(ask_servers(trio.hosts)()))
    monkeypatch.setenv("PVC_COORDINATORS", trio.hosts)
    return trio


def in_step(trio: Ensemble) -> int | None:
    return next((s.followers_in_step for s in ask_servers(trio.hosts)().servers if s.role == "leader"), None)


def one(trio: Ensemble, role: str) -> Server:
    roles = {report.port: report.role for report in ask_servers(trio.hosts)().servers}
    return next(server for server in trio.servers if roles[server.port] == role)


def test_three_servers_are_healthy_and_each_tells_its_role(pvc: Pvc, three: Ensemble) -> None:
    result = pvc("connection", "test", "-o", "json")
    document = json.loads(result.out)
    assert result.code == 0, result.err
    assert (document["healthy"], document["quorum"], document["voters"], document["answering"]) == (True, True, 3, 3)
    servers = document["servers"]
    assert sorted(server["role"] for server in servers) == ["follower", "follower", "leader"]
    (leader,) = (server for server in servers if server["role"] == "leader")
    assert (leader["followers"], leader["followers_in_step"]) == (2, 2)
    assert all(server["version"].startswith("3.") and server["answer_ms"] > 0 for server in servers)
    assert document["schema_version"] == 15
    assert document["session_ms"] > 0


def test_the_table_has_a_row_for_each_server_and_says_how_many_may_fail(pvc: Pvc, three: Ensemble) -> None:
    result = pvc("connection", "test")
    assert result.code == 0
    assert result.out.splitlines()[0].split("  ")[0] == "SERVER"
    assert [line.split()[0] for line in result.out.splitlines()[1:]] == three.hosts.split(",")
    assert "2 of 2" in result.out
    # The status has the same table.
    status = pvc("cluster", "status").out.splitlines()
    at = status.index(next(line for line in status if line.startswith("SERVER")))
    assert [line.split()[:3] for line in status[at : at + 4]] == [
        line.split()[:3] for line in result.out.splitlines()
    ]
    first, second = result.err.splitlines()
    assert first == "3 of 3 servers answer; 1 may fail."
    assert second.startswith("Session opened in ")


def test_a_dead_follower_is_a_problem_of_the_cluster(pvc: Pvc, three: Ensemble) -> None:
    dead = one(three, "follower")
    before = problems(pvc)
    dead.stop()
    said = "2 of 3 servers answer; one more failure and the cluster stops"
    (found,) = (problem for problem in problems(pvc) if problem not in before)
    assert (found["area"], found["serious"], found["see"]) == ("zookeeper", True, "pvc connection test")
    assert found["what"] == f"{dead.hosts} does not answer (Connection refused): {said}"
    status = pvc("cluster", "status").out
    assert f"\nZooKeeper: {said}\n" in status
    assert re.search(rf"^problem  {dead.hosts} does not answer \(Connection refused\): 2 of 3", status, re.MULTILINE)
    result = pvc("connection", "test")
    assert (result.code, said in result.err) == (1, True)
    assert f"{dead.hosts}: Connection refused." in result.err


def problems(pvc: Pvc) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(pvc("cluster", "status", "-o", "json").out)["problems"]
    return [problem for problem in found if problem["area"] == "zookeeper"]


def test_without_a_quorum_every_command_says_how_many_are_needed(pvc: Pvc, three: Ensemble) -> None:
    for server in three.servers[:2]:
        server.stop()
    down = ", ".join(server.hosts for server in three.servers[:2])
    started = time.monotonic()
    result = pvc("--timeout", "2", "vm", "list")
    assert time.monotonic() - started < 3
    assert (result.code, result.out) == (4, "")
    # As it was: nobody was told that two of three servers are needed, and which to start.
    was = f"Error: ZooKeeper at {three.hosts} did not answer within 2 s: check that it runs"
    assert not result.err.startswith(was)
    assert result.err == (
        f"Error: ZooKeeper at {three.hosts} did not answer within 2 s: 1 of 3 servers answers, 2 are needed;"
        f" start ZooKeeper on {down}\n"
    )
    result = pvc("--timeout", "2", "connection", "test", "-o", "json")
    document = json.loads(result.out)
    assert (result.code, document["quorum"], document["answering"], document["needed"]) == (4, False, 1, 2)
    assert (document["session_ms"], document["schema_version"]) == (None, None)


def test_a_session_that_loses_the_quorum_says_how_many_are_needed(three: Ensemble) -> None:
    """As it was: only commands that began without a quorum said so."""
    with ZKHandler(three.hosts, timeout=2) as handler:
        assert handler.children("base.domain")
        for server in three.servers[:2]:
            server.stop()
        wait_until(lambda: handler.lost_since is not None, 20)
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(UnreachableError, match="1 of 3 servers answers, 2 are needed; start ZooKeeper on"):
                handler.children("base.domain")
            assert time.monotonic() - started < 2 + 2
        assert handler.reconnects
    assert handler.lost_since is None


def test_what_a_servers_whitelist_hides_is_unknown_and_not_a_problem(pvc: Pvc, three: Ensemble) -> None:
    leader = one(three, "leader")
    leader.stop()
    leader.settings["4lw.commands.whitelist"] = "ruok"  # srvr is always allowed, for zkServer.sh needs it
    try:
        leader.start()
        # A new leader needs a moment until all follow it.
        wait_until(lambda: pvc("connection", "test").code == 0, 20, lambda: pvc("connection", "test").out)
        result = pvc("connection", "test", "-o", "json")
        (report,) = (s for s in json.loads(result.out)["servers"] if s["port"] == leader.port)
        assert (result.code, report["state"], report["sessions"]) == (0, "serves", None)
        (row,) = (line for line in pvc("connection", "test").out.splitlines() if line.startswith(leader.hosts))
        assert "?" in row
        assert not [problem for problem in problems(pvc) if problem["serious"]]
    finally:
        leader.settings.clear()
        leader.stop()


def test_a_saved_connection_is_tested_by_its_name(pvc: Pvc, tree: Tree) -> None:
    assert pvc("connection", "add", "here", tree.hosts).code == 0
    result = pvc("connection", "test", "here", "-o", "json")
    document = json.loads(result.out)
    assert (result.code, document["name"], document["servers"][0]["role"]) == (0, "here", "standalone")
    assert pvc("connection", "test", "nowhere").code == 1


def test_a_connection_without_a_server_is_exit_4(pvc: Pvc) -> None:
    result = pvc("--coordinators", "127.0.0.1:1", "--timeout", "1", "connection", "test")
    assert result.code == 4
    assert "down" in result.out
    assert "0 of 1 servers answer, 1 is needed." in result.err


def test_a_backup_has_no_servers(pvc: Pvc, tree: Tree, tmp_path: Path) -> None:
    file = str(tmp_path / "backup.json")
    assert pvc("--coordinators", tree.hosts, "cluster", "backup", file).code == 0
    result = pvc("-c", f"file:{file}", "connection", "test")
    assert (result.code, result.out) == (1, "")
    assert "has no servers" in result.err
    assert json.loads(pvc("-c", f"file:{file}", "cluster", "status", "-o", "json").out)["zookeeper"] is None


def test_an_old_cluster_is_tested_too(pvc: Pvc, demo: Callable[..., Tree]) -> None:
    tree = demo(version=0)
    result = pvc("--coordinators", tree.hosts, "connection", "test", "-o", "json")
    assert (result.code, json.loads(result.out)["schema_version"]) == (0, 0)
