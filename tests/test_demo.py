"""The demo cluster is one that PVC's own functions can read: numbers where it calculates, JSON where it parses."""

from __future__ import annotations

import json

import pytest

from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import Key, ZKSchema

DEMO: dict[Key, str] = dict(cluster(20, ZKSchema()))


def values(*key: str) -> list[str]:
    """Return the values of a key of all items."""
    return [value for name, value in DEMO.items() if name[::2] == key]


def statistics(key: str) -> list[dict[str, object]]:
    found = [json.loads(value) for value in values(key)]
    assert found
    return found


@pytest.mark.parametrize("version", [0, 7, 15])
def test_every_key_comes_once_and_after_its_parent(version: int) -> None:
    schema = ZKSchema(version)
    paths = [schema.path(key) for key, _ in cluster(20, schema)]
    assert None not in paths
    seen = {"", "/"}
    for path in map(str, paths):
        assert path not in seen
        assert path.rpartition("/")[0] in seen
        seen.add(path)


def test_networks_are_managed_with_addresses_or_bridged_without() -> None:
    vnis = [key[1] for key in DEMO if key[0] == "network.type"]
    assert [int(vni) for vni in vnis] == [1001, 1002, 1003, 2001]
    types = {vni: DEMO["network.type", vni] for vni in vnis}
    assert set(types.values()) == {"managed", "bridged"}
    for vni, kind in types.items():
        assert bool(DEMO["network.ip4.network", vni]) == (kind == "managed")
        assert bool(DEMO["network.ip4.dhcp_start", vni]) == (DEMO["network.ip4.dhcp", vni] == "True")
        assert int(DEMO["network.mtu", vni]) >= 1280
        assert not set(DEMO["network.vni", vni]) & set(" \t")


def test_leases_expire_and_reservations_do_not() -> None:
    assert set(values("network.reservation", "reservation.mac")) == {"static"}
    assert all(int(expiry) for expiry in values("network.lease", "lease.expiry"))


@pytest.mark.parametrize(("direction", "most"), [("in", 3), ("out", 1)])
def test_no_two_rules_of_a_network_have_the_same_place(direction: str, most: int) -> None:
    orders = [
        (key[1], int(value)) for key, value in DEMO.items() if key[::2] == (f"network.rule.{direction}", "rule.order")
    ]
    assert len(set(orders)) == len(orders) == 3 * most


def test_ceph_is_healthy_in_every_report() -> None:
    assert json.loads(DEMO["base.storage.health"])["status"] == "HEALTH_OK"
    assert "health: HEALTH_OK" in DEMO["base.storage"]
    assert DEMO["base.storage.util"].startswith("--- RAW STORAGE ---")


def test_statistics_have_what_pvc_calculates_with() -> None:
    for osd in statistics("osd.stats"):
        assert (osd["up"], osd["in"]) == (1, 1)
        assert isinstance(osd["utilization"], float)
        assert {
            "kb",
            "pgs",
            "weight",
            "reweight",
            "var",
            "node",
            "wr_ops",
            "wr_data",
            "rd_ops",
            "rd_data",
        } <= osd.keys()
    for pool in statistics("pool.stats"):
        assert pool["id"] == 1
        assert {"free_bytes", "used_bytes", "used_percent", "num_objects", "read_ops", "write_bytes"} <= pool.keys()
    for volume in statistics("volume.stats"):
        assert isinstance(volume["size"], int)
        assert isinstance(volume["snapshot_count"], int)
    names = {key[1]: json.loads(value)["name"] for key, value in DEMO.items() if key[0] == "volume.stats"}
    assert all(item == f"vms/{name}" for item, name in names.items())
    assert len(statistics("snapshot.stats")) == 4
