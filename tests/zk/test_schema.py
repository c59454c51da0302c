"""The schema, against a table of PVC's keys that was written down apart from the version files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from pvc_cli.errors import InvalidItemError, InvalidKeyError, SchemaError
from pvc_cli.zk import Key, ZKSchema

with Path(__file__).with_name("pvc_keys.tsv").open() as file:
    PVC_KEYS = list(csv.DictReader(file, delimiter="\t"))
ALL_VERSIONS = range(16)
SAFER = {
    "domain.meta.autostart": "False",
    "domain_snapshot.timestamp": "0",
    "tag.protected": "False",
    "tag.type": "user",
}
"""Where PVC creates an empty value, with which it then leaves out the whole VM."""


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_each_version_has_exactly_pvcs_keys(version: int) -> None:
    expected = {
        row["key"]: (row["path"], SAFER.get(row["key"], row["default"]))
        for row in PVC_KEYS
        if int(row["since"]) <= version and not (row["gone"] and int(row["gone"]) <= version)
    }
    schema = ZKSchema(version)
    assert {key: (d.path, d.default) for key, d in schema.keys.items()} == expected


def test_since_and_until_are_pvcs() -> None:
    assert len(PVC_KEYS) == 170
    for row in PVC_KEYS:
        assert ZKSchema().since(row["key"]) == int(row["since"])
        assert ZKSchema().until(row["key"]) == (int(row["gone"]) if row["gone"] else None)
    assert ZKSchema().since("no.such") is None


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("base.root", "/"),
        ("base.schema.version", "/schema/version"),
        (("base.config.maintenance",), "/config/maintenance"),
        (("domain", "u"), "/domains/u"),
        (("domain.name", "u"), "/domains/u"),
        (("domain.state", "u"), "/domains/u/state"),
        (("domain.meta.tags", "u", "tag", "t"), "/domains/u/tags/t"),
        (("domain.meta.tags", "u", "tag.type", "t"), "/domains/u/tags/t/type"),
        (("domain.snapshots", "u", "domain_snapshot.xml", "s"), "/domains/u/snapshots/s/xml"),
        (("node.sriov.vf", "n", "sriov_vf.config.vlan_id", "v"), "/nodes/n/sriov/vf/v/config/vlan_id"),
        (("node.sriov.pf", "n", "sriov_pf", "p"), "/nodes/n/sriov/pf/p"),
        (("node.monitoring.data", "n", "monitoring_plugin.data", "p"), "/nodes/n/monitoring_data/p/data"),
        (("network.reservation", "1", "reservation.ip", "m"), "/networks/1/dhcp4_reservations/m/ipaddr"),
        (("network.lease", "1", "lease.expiry", "m"), "/networks/1/dhcp4_leases/m/expiry"),
        (("network.rule.in", "1", "rule.order", "r"), "/networks/1/firewall_rules/in/r/order"),
        (("network.rule.out", "1", "rule", "r"), "/networks/1/firewall_rules/out/r"),
        (("osd.ofsid", "0"), "/ceph/osds/0/fsid/osd"),
        (("pool.tier", "p"), "/ceph/pools/p/tier"),
        (("volume", "p"), "/ceph/volumes/p"),
        (("volume", "p/v"), "/ceph/volumes/p/v"),
        (("volume.stats", "p/v"), "/ceph/volumes/p/v/stats"),
        (("snapshot.stats", "p/v/s"), "/ceph/snapshots/p/v/s/stats"),
        (("logs.messages", "n"), "/logs/n/messages"),
        (("faults.status", "f"), "/faults/f/status"),
    ],
)
def test_paths(key: Key, path: str) -> None:
    assert ZKSchema().path(key) == path


@pytest.mark.parametrize(
    ("version", "key"),
    [
        (0, ("node.sriov", "n")),
        (0, ("node.sriov.vf", "n", "sriov_vf.used", "v")),
        (0, "node.sriov"),
        (2, ("domain.meta.tags", "u")),
        (2, ("domain.meta.tags", "u", "tag", "t")),
        (2, ("domain.meta.tags", "u", "tag.type", "t")),
        (2, ("tag", "t")),
        (3, "base.logs"),
        (3, ("logs", "n")),
        (10, "base.cmd"),
        (13, ("domain.snapshots", "u", "domain_snapshot.xml", "s")),
        (15, "base.nope"),
        (15, "nope"),
        (15, ("domain.nope", "u")),
        (15, ("domain.meta.tags", "u", "tag.nope", "t")),
        (15, ("domain.meta.tags", "u", "nope", "t")),
    ],
)
def test_a_key_that_the_version_lacks_has_no_path(version: int, key: Key) -> None:
    assert ZKSchema(version).path(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "node.sriov",
        "domain",
        "domain.state",
        ("base.node", "n"),
        ("tag", "t"),
        ("tag.type", "t"),
        ("domain.xml", "u", "tag", "t"),
        ("domain.meta.tags", "u", "rule.order", "t"),
        ("domain", "u", "tag", "t"),
        ("domain.state", "u", "x"),
        (),
    ],
)
def test_a_key_in_the_wrong_place_is_refused_and_never_a_parents_path(key: Key) -> None:
    with pytest.raises(InvalidKeyError):
        ZKSchema().path(key)


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a\x00", "\udcff"])
@pytest.mark.parametrize(
    "key",
    [("domain.state", "{}"), ("domain.meta.tags", "{}", "tag", "t"), ("domain.meta.tags", "u", "tag", "{}")],
)
def test_a_name_that_is_no_znode_never_becomes_part_of_a_path(key: tuple[str, ...], bad: str) -> None:
    with pytest.raises(InvalidItemError):
        ZKSchema().path(tuple(part.replace("{}", bad) for part in key))


@pytest.mark.parametrize("item", ["p", "p/v/s", "p//v", "/v", "p/", "p/..", ""])
def test_a_deep_item_needs_all_its_names(item: str) -> None:
    with pytest.raises(InvalidItemError):
        ZKSchema().path(("volume.stats", item))


@pytest.mark.parametrize("version", [-1, 16, 10**12])
def test_an_unknown_version_is_refused(version: int) -> None:
    with pytest.raises(SchemaError, match="this pvc knows 0 to 15"):
        ZKSchema(version)


def test_every_version_says_what_it_brought() -> None:
    history = ZKSchema().known
    assert [version.number for version in history] == list(ALL_VERSIONS)
    assert ZKSchema.newest() == 15
    for version in history:
        assert version.summary.endswith(".")
        assert version.add


def test_keys_of_a_group_come_parents_first() -> None:
    for group in ("base", "osd", "sriov_vf"):
        paths = [definition.path for _, definition in ZKSchema().keys_of(group)]
        assert paths == sorted(paths)
    assert ZKSchema().keys_of("nope") == ()


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_many_paths_at_once_are_those_of_one_at_a_time(version: int) -> None:
    schema = ZKSchema(version)
    items = ["one", "two"]
    newest = ZKSchema()
    flat = [name for name, group in newest.groups.items() if group.base and group.depth == 1]
    names = [key for name in flat for key, _ in newest.keys_of(name)]
    keys: list[Key] = ["base.config", "base.no.such", ("base.node",)]
    keys += [(name, item) for item in items for name in names]
    keys += [("volume.stats", "p/v"), ("snapshot.stats", "p/v/s"), ("domain.meta.tags", "one", "tag.type", "t")]
    assert schema.paths(keys) == [schema.path(key) for key in keys]
    of_each = schema.paths_of_each(items, names)
    assert of_each == [schema.path((name, item)) for item in items for name in names]
    known = [name for name in names if schema.path((name, "one"))]
    assert None not in schema.paths_of_each(items, known)


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a\0", "\U0001f600", None, 5])
def test_a_bad_item_is_refused_among_many_good_ones(bad: Any) -> None:  # noqa: ANN401
    schema = ZKSchema()
    for keys in (
        [("domain.state", bad)],
        [("domain.state", "good"), ("domain.xml", bad)],
        [("domain.state", "good"), ("domain.xml", "good"), ("domain.meta.tags", "good", "tag", bad)],
    ):
        with pytest.raises(InvalidItemError):
            schema.paths(keys)
    with pytest.raises(InvalidItemError):
        schema.paths_of_each(["good", bad], ["domain.state", "domain.xml"])
    with pytest.raises(InvalidKeyError):
        schema.paths_of_each(["good"], ["domain.state", "tag.type"])
