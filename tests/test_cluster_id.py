"""Which cluster is which: by when it was initialised, and by its servers' names and addresses."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from pvc_cli.connections.cluster_id import ClusterId
from pvc_cli.connections.servers import sharing

ADDRESSES = {"hv1": "10.0.0.1", "hv1.example.org": "10.0.0.1", "lab1": "10.0.9.1"}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(name: str, port: None, **_: object) -> list[tuple[object, ...]]:
        if name not in ADDRESSES and not name[:1].isdigit():
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ADDRESSES.get(name, name), 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hv1,hv2,hv3", "hv3,hv1"),
        ("hv1", "HV1:2181"),
        ("hv1:2181", "10.0.0.1"),
        ("hv1,hv2", "hv1.example.org"),
        ("hv1/pvc", "10.0.0.1/pvc/"),
    ],
)
def test_servers_are_the_same_by_any_of_their_names_and_addresses(one: str, other: str) -> None:
    then, now = ClusterId(one, "5-1"), ClusterId(other, "5-1")
    assert then.is_same(now)
    assert not then.is_copy(now)


@pytest.mark.parametrize(
    ("one", "other"),
    [("hv1", "lab1"), ("hv1", "hv1:2182"), ("hv1", "hv1/pvc"), ("unknown-a", "unknown-b"), ("hv1", "unknown-a")],
)
def test_the_same_data_on_other_servers_may_be_a_copy(one: str, other: str) -> None:
    then, now = ClusterId(one, "5-1"), ClusterId(other, "5-1")
    assert not then.is_same(now)
    assert then.is_copy(now)


def test_other_data_on_the_same_servers_is_another_cluster() -> None:
    then, now = ClusterId("hv1", "5-1"), ClusterId("hv1", "6-2")
    assert not then.is_same(now)
    assert not then.is_copy(now)


def test_backups_are_told_by_their_paths_alone() -> None:
    assert ClusterId("file:/a").is_same(ClusterId("file:/a"))
    assert not ClusterId("file:/a").is_same(ClusterId("file:/b"))
    assert not ClusterId("file:/a").is_copy(ClusterId("file:/b"))


def test_a_dead_name_server_is_waited_for_once_not_per_name(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def look_up(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if name.startswith("dead"):
            end.wait(20)
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    others = [*(f"dead{number},dead-b{number}" for number in range(10)), "dead-x,10.0.0.7"]
    start = time.monotonic()
    assert sharing(["dead-a,10.0.0.7", "dead-y"], others) == {"dead-a,10.0.0.7": ["dead-x,10.0.0.7"], "dead-y": []}
    assert sharing(["dead-a,dead-c"], ["dead0", "10.0.0.8"]) == {"dead-a,dead-c": []}
    assert time.monotonic() - start < 5
    end.set()


def test_a_name_that_matches_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    same, other = "seen-1,seen-2/pvc", "seen-1/other"
    assert sharing([same], ["SEEN-2/pvc/", other]) == {same: ["SEEN-2/pvc/"]}


@pytest.mark.parametrize("hosts", ["", "hv1:x", "hv1/..", "a b", "file:/a"])
def test_what_is_no_list_of_servers_shares_none(hosts: str) -> None:
    assert sharing([hosts], ["hv1", "hv2"]) == {hosts: []}
    assert sharing(["hv1"], [hosts]) == {"hv1": []}
