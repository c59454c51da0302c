"""`pvc network list`, `info`, `dhcp list` and `acl list`: PVC's documents, whatever the tree holds."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from pvc_cli.cluster.networks import find_vnis, list_dhcp, list_networks, list_rules
from pvc_cli.errors import InvalidInputError
from pvc_cli.sandbox.demo_items import item
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.execute import execute
from tests.conftest import Pvc, Tree, round_trips

FRONTEND = {
    "vni": 1001,
    "description": "Frontend",
    "type": "managed",
    "mtu": 1500,
    "domain": "frontend.example.net",
    "name_servers": ["10.0.0.5", "10.0.0.6"],
    "ip4": {
        "network": "10.3.233.0/24",
        "gateway": "10.3.233.1",
        "dhcp_flag": True,
        "dhcp_start": "10.3.233.100",
        "dhcp_end": "10.3.233.199",
    },
    "ip6": {"network": "2001:db8:1001::/64", "gateway": "2001:db8:1001::1", "dhcp_flag": True},
}
LAB = {
    "vni": 2001,
    "description": "Lab",
    "type": "bridged",
    "mtu": 1500,
    "domain": None,
    "name_servers": [],
    "ip4": {"network": None, "gateway": None, "dhcp_flag": False, "dhcp_start": None, "dhcp_end": None},
    "ip6": {"network": None, "gateway": None, "dhcp_flag": False},
}
RESERVATION = {
    "hostname": "host0",
    "ip4_address": "10.3.233.10",
    "mac_address": "52:54:01:e9:00:00",
    "timestamp": "static",
}
LEASE = {
    "hostname": "guest",
    "ip4_address": "10.3.233.101",
    "mac_address": "52:54:02:e9:00:01",
    "timestamp": 1760003600,
}
NO_SUCH = "Error: there is no network 'Frontned': did you mean 'Frontend'?\n"


def documents(pvc: Pvc, *words: str) -> list[dict[str, object]]:
    result = pvc(*words, "-o", "json")
    assert (result.code, result.err) == (0, "")
    found: list[dict[str, object]] = json.loads(result.out)
    assert yaml.safe_load(pvc(*words, "-o", "yaml").out) == found
    return found


def test_networks_are_pvcs_documents_typed_and_null_where_nothing_is_set(on_tree: Pvc) -> None:
    found = documents(on_tree, "network", "list")
    assert [network["vni"] for network in found] == [1001, 1002, 1003, 2001]
    assert (found[0], found[3]) == (FRONTEND, LAB)
    assert list(found[0]) == list(FRONTEND)


def test_what_pvc_writes_for_nothing_is_null(on_tree: Pvc, tree: Tree) -> None:
    for key in ("domain", "name_servers", "ip4_network", "ip6_gateway", "mtu"):
        tree.put(f"/networks/1002/{key}", b"None")
    found = documents(on_tree, "network", "list", "Backend")[0]
    assert (found["domain"], found["name_servers"], found["mtu"]) == (None, [], None)
    assert json.loads(on_tree("network", "info", "1002", "-o", "json").out) == found


def test_the_table_shows_one_network_a_line(on_tree: Pvc) -> None:
    result = on_tree("network", "list")
    assert (result.code, result.err) == (0, "")
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["VNI", "DESCRIPTION", "TYPE", "MTU", "IPV4", "DHCP", "IPV6"]
    assert lines[2] == [
        "1002",
        "Backend",
        "managed",
        "1500",
        "10.3.234.0/24",
        "on",
        "none",
    ]
    assert lines[4] == ["2001", "Lab", "bridged", "1500", "none", "off", "none"]
    wide = [line.split() for line in on_tree("network", "list", "-o", "wide").out.splitlines()]
    assert wide[0] == [*lines[0], "DHCPV6", "DOMAIN"]
    assert wide[2] == [*lines[2], "off", "backend.example.net"]
    assert wide[4] == [*lines[4], "off", "none"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("1", ["1001", "1002", "1003", "2001"]),
        ("^1", ["1001", "1002", "1003"]),
        ("end$", ["1001", "1002"]),
        ("x", []),
    ],
)
def test_a_pattern_is_found_anywhere_in_vni_or_description(on_tree: Pvc, pattern: str, expected: list[str]) -> None:
    result = on_tree("network", "list", pattern, "-o", "name")
    assert (result.code, result.out.split()) == (0, expected)
    assert result.err == ("" if expected else "No network matches.\n")


@pytest.mark.parametrize("words", [("list",), ("dhcp", "list", "1001"), ("acl", "list", "1001")])
def test_an_invalid_pattern_is_refused_before_anything_is_sent(pvc: Pvc, words: tuple[str, ...]) -> None:
    result = pvc("network", *words, "(")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: invalid regular expression '(': ")


def test_info_takes_a_vni_a_description_or_several(on_tree: Pvc) -> None:
    for name in ("1001", "Frontend"):
        result = on_tree("network", "info", name, "-o", "json")
        assert (result.code, json.loads(result.out), result.err) == (0, FRONTEND, "")
    assert json.loads(on_tree("network", "info", "Lab,1001", "-o", "json").out) == [LAB, FRONTEND]
    assert json.loads(on_tree("network", "info", "-", "-o", "json", stdin="Lab\n2001\n").out) == [LAB]
    assert on_tree("network", "info", "Frontend", "-o", "name").out == "1001\n"


def test_info_shows_what_an_operator_looks_for(on_tree: Pvc) -> None:
    result = on_tree("network", "info", "Frontend")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "VNI:          1001",
        "Description:  Frontend",
        "Type:         managed",
        "MTU:          1500",
        "Domain:       frontend.example.net",
        "Name servers: 10.0.0.5, 10.0.0.6",
        "IPv4:         10.3.233.0/24, gateway 10.3.233.1",
        "DHCPv4:       on: 10.3.233.100 to 10.3.233.199",
        "IPv6:         2001:db8:1001::/64, gateway 2001:db8:1001::1",
        "DHCPv6:       on",
    ]


@pytest.mark.parametrize("words", [("info",), ("dhcp", "list"), ("acl", "list")])
def test_an_unknown_network_is_refused_with_a_hint(on_tree: Pvc, words: tuple[str, ...]) -> None:
    result = on_tree("network", *words, "Frontned")
    assert (result.code, result.out, result.err) == (1, "", NO_SUCH)
    assert on_tree("network", *words, "zzz").err == "Error: there is no network 'zzz': see 'pvc network list'\n"
    hostile = on_tree("network", *words, "../config")
    assert (hostile.code, hostile.out) == (1, "")


def test_a_description_of_two_networks_is_ambiguous_and_a_vni_is_not(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/networks/1002", b"Frontend")
    result = on_tree("network", "info", "Frontend")
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: 2 networks are called 'Frontend': use one of the VNIs 1001, 1002\n"
    assert on_tree("network", "info", "1002").code == 0


def test_reservations_come_first_and_then_leases_each_by_address(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/networks/1001/dhcp4_leases/52:54:02:e9:00:00/ipaddr", b"10.3.233.150")
    found = documents(on_tree, "network", "dhcp", "list", "Frontend")
    addresses = ["10.3.233.10", "10.3.233.11", "10.3.233.101", "10.3.233.150"]
    assert [lease["ip4_address"] for lease in found] == addresses
    assert (found[0], found[2]) == (RESERVATION, LEASE)
    assert list(found[0]) == list(RESERVATION)
    lines = [line.split() for line in on_tree("network", "dhcp", "list", "1001").out.splitlines()]
    assert lines[0] == ["ADDRESS", "MAC", "HOST", "NAME", "EXPIRES"]
    assert lines[1] == ["10.3.233.10", "52:54:01:e9:00:00", "host0", "static"]
    assert lines[3] == ["10.3.233.101", "52:54:02:e9:00:01", "guest", "2025-10-09", "09:53", "UTC"]
    tree.put("/networks/1001/dhcp4_leases/52:54:02:e9:00:00/ipaddr", b"10.3.233.2")
    moved = [lease["ip4_address"] for lease in documents(on_tree, "network", "dhcp", "list", "1001")]
    assert moved == ["10.3.233.10", "10.3.233.11", "10.3.233.2", "10.3.233.101"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--static",), ["52:54:01:e9:00:00", "52:54:01:e9:00:01"]),
        (("-s", "host1"), ["52:54:01:e9:00:01"]),
        (("--leases",), ["52:54:02:e9:00:01"]),
        ((r"233\.101",), ["52:54:02:e9:00:01"]),
        (("^52:54:01",), ["52:54:01:e9:00:00", "52:54:01:e9:00:01"]),
    ],
)
def test_addresses_are_chosen_by_kind_and_pattern(on_tree: Pvc, words: tuple[str, ...], expected: list[str]) -> None:
    result = on_tree("network", "dhcp", "list", "1001", *words, "-o", "name")
    assert (result.code, result.out.split(), result.err) == (0, expected, "")


def test_a_network_without_addresses_or_rules_is_said_to_have_none(on_tree: Pvc) -> None:
    for words, said in (
        (("dhcp", "list", "Lab"), "No reservations or leases.\n"),
        (("dhcp", "list", "1001", "zzz"), "No reservation or lease matches.\n"),
        (("acl", "list", "Lab"), "No rules.\n"),
        (("acl", "list", "1001", "zzz"), "No rule matches.\n"),
    ):
        result = on_tree("network", *words)
        assert (result.code, result.out, result.err) == (0, "", said)


def test_rules_come_in_the_order_in_which_they_apply(on_tree: Pvc, tree: Tree) -> None:
    for name, order in (("port-443", b"10"), ("port-80", b"2"), ("ping", b"-1")):
        tree.put(f"/networks/1001/firewall_rules/in/{name}/order", order)
    tree.put("/networks/1001/firewall_rules/in/odd/order", b"last")
    found = documents(on_tree, "network", "acl", "list", "Frontend")
    assert [(rule["direction"], rule["order"], rule["description"]) for rule in found] == [
        ("in", -1, "ping"),
        ("in", 2, "port-80"),
        ("in", 10, "port-443"),
        ("in", None, "odd"),
        ("out", 0, "port-25"),
    ]
    assert found[2] == {
        "direction": "in",
        "order": 10,
        "description": "port-443",
        "rule": "tcp dport 443 counter accept",
    }
    lines = on_tree("network", "acl", "list", "1001").out.splitlines()
    assert lines[0].split() == ["DIRECTION", "ORDER", "DESCRIPTION", "RULE"]
    assert lines[3].split() == ["in", "10", "port-443", "tcp", "dport", "443", "counter", "accept"]
    assert lines[4].split() == ["in", "?", "odd", "?"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--direction", "in"), ["port-443", "port-80", "ping"]),
        (("--in",), ["port-443", "port-80", "ping"]),
        (("--direction", "out"), ["port-25"]),
        (("--out",), ["port-25"]),
        (("port-",), ["port-443", "port-80", "port-25"]),
    ],
)
def test_rules_are_chosen_by_direction_and_pattern(on_tree: Pvc, words: tuple[str, ...], expected: list[str]) -> None:
    result = on_tree("network", "acl", "list", "1001", *words, "-o", "name")
    assert (result.code, result.out.split(), result.err) == (0, expected, "")


def test_two_directions_at_once_are_a_mistake(on_tree: Pvc) -> None:
    result = on_tree("network", "acl", "list", "1001", "--direction", "in", "--out")
    assert (result.code, result.out) == (2, "")
    assert result.err == "Error: --direction excludes --in and --out: use one of them\n"
    assert on_tree("network", "acl", "list", "1001", "--direction", "both").code == 2


def test_the_oldest_schema_lacks_the_mtu_only(pvc: Pvc, demo: Callable[..., Tree]) -> None:
    target = ("--coordinators", demo(version=0).hosts)
    assert json.loads(pvc(*target, "network", "list", "^1001$", "-o", "json").out) == [FRONTEND | {"mtu": None}]
    line = pvc(*target, "network", "list").out.splitlines()[4]
    assert line.split() == ["2001", "Lab", "bridged", "?", "none", "off", "none"]
    assert pvc(*target, "network", "info", "Lab").code == 0
    assert json.loads(pvc(*target, "network", "dhcp", "list", "1001", "-o", "json").out)[0] == RESERVATION
    assert pvc(*target, "network", "acl", "list", "1001", "--out", "-o", "name").out == "port-25\n"


def test_an_empty_cluster_has_no_networks(pvc: Pvc, empty: Tree) -> None:
    result = pvc("--coordinators", empty.hosts, "network", "list")
    assert (result.code, result.out, result.err) == (0, "", "No networks.\n")
    assert pvc("--coordinators", empty.hosts, "network", "list", "-o", "json").out == "[]\n"
    missing = pvc("--coordinators", empty.hosts, "network", "info", "1001")
    assert (missing.code, missing.err) == (1, "Error: there is no network '1001': see 'pvc network list'\n")


def test_a_strange_network_is_shown_as_it_is_and_hides_no_other(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/networks/odd", b"evil\x1b[2J")
    found = documents(on_tree, "network", "list")
    assert [network["vni"] for network in found] == [1001, 1002, 1003, 2001, "odd"]
    assert found[4]["type"] == ""
    assert r"evil\x1b[2J" in on_tree("network", "list").out
    tree.put("/networks/1001/dhcp4_leases/52:54:02:e9:00:02")
    lease = documents(on_tree, "network", "dhcp", "list", "1001", "--leases")[0]
    assert lease == {"hostname": None, "ip4_address": None, "mac_address": "52:54:02:e9:00:02", "timestamp": None}
    line = on_tree("network", "dhcp", "list", "1001", "--leases").out.splitlines()[1]
    assert line.split() == ["?", "52:54:02:e9:00:02", "?", "?"]


def test_a_backup_is_listed_like_a_cluster(on_tree: Pvc, tmp_path: object) -> None:
    backup = f"{tmp_path}/backup.json"
    assert on_tree("cluster", "backup", backup).code == 0
    for words in (("network", "list"), ("network", "dhcp", "list", "1001"), ("network", "acl", "list", "1001")):
        assert on_tree("-c", f"file:{backup}", *words).out == on_tree(*words).out


def add_networks(tree: Tree, count: int) -> None:
    with ZKHandler(tree.hosts) as handler:
        transaction = handler.transaction()
        for number in range(count):
            values = {"network.vni": f"net{number}", "network.type": "managed"}
            for key, value in item(ZKSchema(), "network", str(5000 + number), values):
                transaction.create(key, value)
        execute(handler.store, [(op,) for op in transaction.ops])


def test_a_thousand_networks_take_as_many_round_trips_as_four(tree: Tree) -> None:
    def cost(expected: int) -> int:
        with ZKHandler(tree.hosts) as handler:
            before = round_trips(handler)
            assert len(list_networks(handler)) == expected
            assert len(find_vnis(handler, ["Frontend"])) == 1
            assert len(list_dhcp(handler, "1001")) == 3
            assert len(list_rules(handler, "1001")) == 4
            return round_trips(handler) - before

    few = cost(4)
    add_networks(tree, 1000)
    # The schema version, and two for each call.
    assert (few, cost(1004)) == (9, 9)


def test_a_program_gets_the_same_and_the_same_errors(zk: ZKHandler) -> None:
    assert [network.description for network in list_networks(zk, "^20")] == ["Lab"]
    assert [lease.static for lease in list_dhcp(zk, "1001")] == [True, True, False]
    assert [rule.description for rule in list_rules(zk, "1001", direction="out")] == ["port-25"]
    with pytest.raises(InvalidInputError, match="invalid regular expression"):
        list_networks(zk, "(")
