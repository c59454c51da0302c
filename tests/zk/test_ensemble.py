"""How ZooKeeper's servers are: what they say is parsed, and what they do not say is unknown; no server is needed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from pvc_cli.cluster.health.servers import server_problems
from pvc_cli.zk.ensemble import EnsembleReport, ask_servers
from pvc_cli.zk.server_words import ServerReport, of_srvr, with_mntr

ADDRESS = ("hv1", 2181)
SRVR = """Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
Latency min/avg/max: 0/1.5/8
Received: 3
Connections: 4
Zxid: 0x100000006
Mode: leader
Node count: 5
"""
OLD_SRVR = """Zookeeper version: 3.4.13-2--1, built on 01/05/2019 09:00 GMT
Latency min/avg/max: 0/2/8
Connections: 4
Zxid: 0x6
Mode: standalone
"""
MNTR = (
    "zk_version\t3.8.0-x\nzk_server_state\tleader\nzk_global_sessions\t7\nzk_learners\t2\n"
    "zk_synced_followers\t1\nzk_quorum_size\t3\n"
)
DISABLED = "{} is not executed because it is not in the whitelist.\n"
NOT_SERVING = "This ZooKeeper instance is not currently serving requests\n"


def test_srvr_tells_role_version_latency_clients_and_transaction() -> None:
    found = of_srvr(ADDRESS, SRVR)
    assert (found.state, found.role, found.version, found.latency_ms, found.connections, found.zxid) == (
        *("serves", "leader", "3.8.0", 1.5, 4),
        "0x100000006",
    )
    assert (found.sessions, found.followers) == (None, None)


def test_mntr_adds_sessions_and_followers_in_step() -> None:
    found = with_mntr(of_srvr(ADDRESS, SRVR), MNTR)
    assert (found.sessions, found.followers, found.followers_in_step, found.quorum_size) == (7, 2, 1, 3)


def test_a_server_of_3_4_is_understood() -> None:
    found = with_mntr(
        of_srvr(ADDRESS, OLD_SRVR.replace("standalone", "leader")),
        "zk_version\t3.4.13-2\nzk_server_state\tleader\nzk_followers\t2\nzk_synced_followers\t2\n",
    )
    assert (found.version, found.latency_ms, found.followers, found.followers_in_step) == ("3.4.13", 2.0, 2, 2)
    assert found.sessions is None


def test_a_server_that_may_not_answer_is_unknown_not_down() -> None:
    found = with_mntr(of_srvr(ADDRESS, DISABLED.format("srvr")), DISABLED.format("mntr"))
    assert (found.state, found.answers, found.role) == ("unknown", True, None)
    assert found.reason == "its 4lw.commands.whitelist lacks srvr"


def test_mntr_alone_is_enough() -> None:
    found = with_mntr(of_srvr(ADDRESS, DISABLED.format("srvr")), MNTR)
    assert (found.state, found.reason, found.role, found.version) == ("serves", "", "leader", "3.8.0")


@pytest.mark.parametrize("text", ["", "\x1b[31mnonsense", "Mode: king\n", "Latency min/avg/max: a/b\nMode:\n"])
def test_an_answer_that_is_not_zookeepers_is_unknown(text: str) -> None:
    assert of_srvr(ADDRESS, text).state == "unknown"


def server(number: int, **more: Any) -> ServerReport:  # noqa: ANN401 - any field
    return ServerReport(f"hv{number}", 2181, **{"state": "serves", "role": "follower", **more})


def ensemble(*servers: ServerReport) -> EnsembleReport:
    return EnsembleReport(servers)


DOWN = {"state": "down", "role": None, "reason": "Connection refused"}
WAITS = {"state": "waits", "role": None}


@pytest.mark.parametrize(
    ("found", "summary", "quorum", "healthy"),
    [
        (ensemble(server(1, role="standalone")), "1 server answers; without it the cluster stops", True, True),
        (ensemble(server(1), server(2), server(3)), "3 of 3 servers answer; 1 may fail", True, True),
        (
            ensemble(server(1), server(2), server(3, **DOWN)),
            "2 of 3 servers answer; one more failure and the cluster stops",
            *(True, False),
        ),
        (
            ensemble(server(1, **WAITS), server(2, **DOWN), server(3, **DOWN)),
            "1 of 3 servers answers, 2 are needed",
            *(False, False),
        ),
        (
            # A leader needs some seconds to notice that it is alone.
            ensemble(server(1, role="leader"), server(2, **DOWN), server(3, **DOWN)),
            "1 of 3 servers answers, 2 are needed",
            *(False, False),
        ),
        (ensemble(*(server(n, **DOWN) for n in (1, 2, 3))), "0 of 3 servers answer, 2 are needed", False, False),
        (
            ensemble(*(server(n, **WAITS) for n in (1, 2, 3))),
            "3 of 3 servers answer, but serve nobody: there is no leader",
            *(True, False),
        ),
        (ensemble(*map(server, range(4)), server(5, **DOWN)), "4 of 5 servers answer; 1 may fail", True, False),
        (
            ensemble(server(1, quorum_size=3)),
            "1 server answers; 2 more vote, and were not asked",
            *(True, True),
        ),
        (
            # An observer does not vote.
            ensemble(server(1), server(2), server(3), server(4, role="observer")),
            "3 of 3 servers answer; 1 may fail",
            *(True, True),
        ),
    ],
)  # fmt: skip
def test_how_many_answer_and_how_many_must(found: EnsembleReport, summary: str, quorum: bool, healthy: bool) -> None:
    assert (found.summary, found.has_quorum, found.healthy) == (summary, quorum, healthy)


def what(found: EnsembleReport | None) -> list[tuple[str, int]]:
    return [(problem.what, problem.weight) for problem in server_problems(found)]


def test_a_dead_server_of_three_weighs_more_than_one_of_five() -> None:
    three = ensemble(server(1), server(2), server(3, **DOWN))
    five = ensemble(*map(server, range(4)), server(5, **DOWN))
    assert what(three) == [
        (
            "hv3:2181 does not answer (Connection refused): 2 of 3 servers answer; one more failure and the cluster"
            " stops",
            50,
        )
    ]
    assert what(five) == [("hv5:2181 does not answer (Connection refused): 4 of 5 servers answer; 1 may fail", 10)]


def test_a_healthy_ensemble_a_silent_whitelist_and_a_backup_are_no_problem() -> None:
    assert what(None) == []
    assert what(ensemble(server(1), server(2), server(3))) == []
    assert what(ensemble(*(server(n, state="unknown", role=None) for n in (1, 2, 3)))) == []


def test_followers_that_lag_servers_that_wait_and_servers_alone_are_problems() -> None:
    lagging = server(1, role="leader", followers=2, followers_in_step=1)
    assert what(ensemble(lagging, server(2), server(3))) == [("1 of the 2 followers of hv1:2181 are in step", 5)]
    assert what(ensemble(server(1), server(2), server(3, **WAITS)))[0][0] == "hv3:2181 answers, but serves nobody"
    alone = what(ensemble(server(1, role="standalone"), server(2, role="standalone")))
    assert [text.partition(":2181 ")[2][:12] for text, _ in alone] == ["stands alone"] * 2


def test_how_far_a_follower_is_behind_is_counted_within_one_epoch() -> None:
    found = ensemble(
        server(1, role="leader", zxid="0x20000000a"), server(2, zxid="0x200000007"), server(3, zxid="0x100000009")
    )
    assert [found.behind(report) for report in found.servers] == [None, 3, None]
    assert ensemble(server(2, zxid="nonsense")).behind(server(2, zxid="nonsense")) is None


def test_a_connection_that_names_one_server_of_three_is_a_note() -> None:
    assert what(ensemble(server(1, quorum_size=3))) == [
        ("2 more servers vote than this connection names: it does not ask them", 0)
    ]


def sockets(answers: dict[bytes, str]) -> Callable[[tuple[str, int], float], socket.socket]:
    """Connect to servers that exist only here: a socket pair, with one who answers at the other end."""

    def connect(_address: tuple[str, int], _timeout: float) -> socket.socket:
        ours, theirs = socket.socketpair()

        def serve() -> None:
            with closing(theirs):
                word = theirs.recv(4)
                theirs.sendall(answers.get(word, "").encode())

        threading.Thread(target=serve, daemon=True).start()
        return ours

    return connect


def test_servers_are_asked_in_the_configured_order_each_once() -> None:
    connect = sockets({b"srvr": SRVR, b"mntr": MNTR})
    found = ask_servers("b:1,a:2,b:1/chroot", connect=connect)()
    assert [(report.name, report.sessions) for report in found.servers] == [("b:1", 7), ("a:2", 7)]
    assert all(report.answer_ms is not None for report in found.servers)


def test_a_server_that_serves_nobody_is_not_asked_for_more() -> None:
    (found,) = ask_servers("a", connect=sockets({b"srvr": NOT_SERVING}))().servers
    assert (found.state, found.name) == ("waits", "a:2181")


def test_a_mute_server_is_given_up_in_time_and_delays_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        started = time.monotonic()
        first, second = ask_servers(f"127.0.0.1:{port},127.0.0.1:1", patience=0.5)().servers
        assert 0.4 < time.monotonic() - started < 1.5
    assert (first.state, second.state) == ("down", "down")
    assert "timed out" in first.reason
    assert second.reason == "Connection refused"


def test_an_answer_that_comes_late_counts_if_nobody_waited_for_it_yet() -> None:
    quick = sockets({b"srvr": SRVR})

    def slow(address: tuple[str, int], timeout: float) -> socket.socket:
        time.sleep(0.3)
        return quick(address, timeout)

    wait = ask_servers("a", patience=0.1, timeout=5, connect=slow)
    assert wait().servers[0].state == "down"
    time.sleep(1)  # as long as other things take on such a connection
    assert wait().servers[0].state == "serves"


def test_a_name_that_cannot_be_looked_up_is_down() -> None:
    (found,) = ask_servers(f"{'x' * 70}.invalid:1", patience=2)().servers
    assert found.state == "down"
    assert found.reason
