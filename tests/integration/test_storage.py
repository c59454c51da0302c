"""`pvc storage`: PVC's documents, with the statistics that Ceph gave, whatever the tree holds."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from pvc_cli.cluster.storage.query import list_osds, list_pools, list_snapshots, list_volumes
from pvc_cli.errors import InvalidInputError, NotFoundError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.execute import execute
from tests.conftest import Pvc, Tree, round_trips

LISTS = (("osd",), ("pool",), ("volume",), ("volume", "snapshot"))


def documents(pvc: Pvc, *words: str) -> list[dict[str, object]]:
    result = pvc("storage", *words, "-o", "json")
    assert (result.code, result.err) == (0, "")
    found: list[dict[str, object]] = json.loads(result.out)
    assert yaml.safe_load(pvc("storage", *words, "-o", "yaml").out) == found
    return found


def names(pvc: Pvc, *words: str) -> list[str]:
    result = pvc("storage", *words, "-o", "name")
    assert (result.code, result.err) == (0, "")
    return result.out.split()


def table(pvc: Pvc, *words: str) -> list[list[str]]:
    result = pvc("storage", *words)
    assert (result.code, result.err) == (0, "")
    return [line.split() for line in result.out.splitlines()]


def test_status_is_cephs_own_text_and_its_health_is_parsed_for_programs(on_tree: Pvc, tree: Tree) -> None:
    text = tree.client.get("/ceph")[0].decode()
    result = on_tree("storage", "status")
    assert (result.code, result.out, result.err) == (0, text, "")
    assert "health: HEALTH_OK" in text
    assert json.loads(on_tree("storage", "status", "-o", "json").out) == {
        "type": "status",
        "primary_node": "pvchv1",
        "ceph_data": text.rstrip(),
        "health": {"status": "HEALTH_OK", "checks": {}, "mutes": []},
    }
    assert on_tree("storage", "status", "-f", "raw").out == text


def test_utilization_is_cephs_own_text(on_tree: Pvc, tree: Tree) -> None:
    text = tree.client.get("/ceph/util")[0].decode()
    result = on_tree("storage", "util")
    assert (result.code, result.out, result.err) == (0, text, "")
    assert json.loads(on_tree("storage", "util", "-o", "json").out) == {
        "type": "utilization",
        "primary_node": "pvchv1",
        "ceph_data": text.rstrip(),
    }


def test_text_from_ceph_does_not_act_on_the_terminal(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/ceph", b"cluster:\n  \x1b]0;evil\x07\n")
    tree.put("/ceph/health", b"[")
    assert on_tree("storage", "status").out == "cluster:\n  \\x1b]0;evil\\x07\n"
    assert json.loads(on_tree("storage", "status", "-o", "json").out)["health"] is None


def test_osds_are_pvcs_documents_with_all_statistics(on_tree: Pvc, tree: Tree) -> None:
    found = documents(on_tree, "osd", "list")
    stats = json.loads(tree.client.get("/ceph/osds/1/stats")[0])
    assert [osd["id"] for osd in found] == ["0", "1", "2"]
    assert found[1] == {
        "id": "1",
        "fsid": tree.client.get("/ceph/osds/1/fsid/osd")[0].decode(),
        "node": "pvchv2",
        "device": "/dev/sdb",
        "is_split": False,
        "db_device": None,
        "stats": stats,
    }
    assert {
        "up",
        "in",
        "utilization",
        "var",
        "pgs",
        "kb",
        "weight",
        "reweight",
        "used",
        "avail",
        "state",
    } <= stats.keys()
    assert list(found[0]) == ["id", "fsid", "node", "device", "is_split", "db_device", "stats"]


def test_osds_are_a_table_with_readable_sizes(on_tree: Pvc, tree: Tree) -> None:
    stats = json.loads(tree.client.get("/ceph/osds/1/stats")[0])
    numbers = {key: value for key, value in stats.items() if key not in ("used", "avail")}
    tree.put("/ceph/osds/1/stats", json.dumps(numbers | {"up": 0, "in": 0}).encode())
    tree.put("/ceph/osds/1/db_device", b"/dev/osd-db/osd-1")
    texts = {key: value for key, value in stats.items() if key not in ("kb_used", "kb_avail")}
    tree.put("/ceph/osds/2/stats", json.dumps(texts | {"up": 1, "in": 1}).encode())
    head, *rows = table(on_tree, "osd", "list")
    assert head == ["ID", "NODE", "DEVICE", "DB", "DEV", "UP", "IN", "SIZE", "USED", "FREE", "FULL", "PGS"]
    assert [" ".join(row) for row in rows] == [
        "0 pvchv1 /dev/sdb none yes yes 1.7 TiB 411 GiB 1.3 TiB 23.0 % 256",
        "1 pvchv2 /dev/sdb /dev/osd-db/osd-1 no no 1.7 TiB 411 GiB 1.3 TiB 23.0 % 256",
        "2 pvchv3 /dev/sdb none yes yes 1.7 TiB 411G 1377G 23.0 % 256",
    ]
    assert names(on_tree, "osd", "list", "[02]") == ["0", "2"]


def test_how_full_an_osd_of_unknown_size_is_is_unknown_and_sorted_behind_the_others(on_tree: Pvc, tree: Tree) -> None:
    stats = {"up": 0, "in": 0, "utilization": 0.0}
    tree.put("/ceph/osds/0/stats", json.dumps(stats).encode())
    assert table(on_tree, "osd", "list", "^0$")[1] == ["0", "pvchv1", "/dev/sdb", "none", "no", "no", *"?????"]
    assert names(on_tree, "osd", "list", "--sort", "full") == ["1", "2", "0"]
    assert documents(on_tree, "osd", "list", "^0$")[0]["stats"] == stats


def test_osds_are_sorted_as_numbers(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/ceph/osds/10")
    assert names(on_tree, "osd", "list") == ["0", "1", "2", "10"]
    assert names(on_tree, "osd", "list", "1") == ["1", "10"]
    assert names(on_tree, "osd", "list", "^1$") == ["1"]


def test_pools_are_pvcs_documents(on_tree: Pvc, tree: Tree) -> None:
    (found,) = documents(on_tree, "pool", "list")
    assert found == {
        "name": "vms",
        "volume_count": 22,
        "tier": "default",
        "pgs": 256,
        "stats": json.loads(tree.client.get("/ceph/pools/vms/stats")[0]),
    }
    assert table(on_tree, "pool", "list") == [
        ["NAME", "TIER", "PGS", "VOLUMES", "STORED", "FREE", "FULL", "OBJECTS", "DEGRADED"],
        ["vms", "default", "256", "22", "402", "GiB", "1.3", "TiB", "22.6", "%", "102912", "0"],
    ]


def test_volumes_are_pvcs_documents_with_their_size_in_bytes(on_tree: Pvc, tree: Tree) -> None:
    (found,) = documents(on_tree, "volume", "list", "vms", "^db-01_data$")
    stats = json.loads(tree.client.get("/ceph/volumes/vms/db-01_data/stats")[0])
    assert found == {"name": "db-01_data", "pool": "vms", "stats": stats}
    assert (stats["size"], stats["snapshot_count"]) == (100 * 1024**3, 1)
    assert table(on_tree, "volume", "list", "db-01_data") == [
        ["POOL", "NAME", "SIZE", "OBJECTS", "SNAPSHOTS", "FEATURES"],
        [
            "vms",
            "db-01_data",
            "100",
            "GiB",
            "25600",
            "1",
            "layering,exclusive-lock,object-map,fast-diff,deep-flatten",
        ],
    ]


def test_snapshots_are_pvcs_documents(on_tree: Pvc, tree: Tree) -> None:
    found = documents(on_tree, "volume", "snapshot", "list")
    assert [(snapshot["volume"], snapshot["snapshot"]) for snapshot in found] == [
        ("db-01_data", "nightly"),
        ("db-01_root", "nightly"),
        ("db-02_data", "nightly"),
        ("db-02_root", "nightly"),
    ]
    stats = json.loads(tree.client.get("/ceph/snapshots/vms/db-01_data/nightly/stats")[0])
    assert found[0] == {"pool": "vms", "volume": "db-01_data", "snapshot": "nightly", "stats": stats}
    assert table(on_tree, "snapshot", "list")[1] == ["vms", "db-01_data", "nightly", "100", "GiB"]
    assert documents(on_tree, "snapshot", "list") == found


@pytest.fixture
def two_pools(tree: Tree) -> Tree:
    """The demo cluster with a second pool, in which are volumes called like a pool and like a snapshot."""
    tree.put("/ceph/pools/ssd/stats", b"{}")
    for volume in ("vms", "nightly"):
        tree.put(f"/ceph/volumes/ssd/{volume}/stats", b'{"size": 1073741824}')
    tree.put("/ceph/snapshots/ssd/nightly/monday/stats", b"{}")
    tree.put("/ceph/snapshots/ssd/vms/nightly/stats", b"{}")
    return tree


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ssd",), ["ssd/nightly", "ssd/vms"]),
        (("db-01",), ["vms/db-01_data", "vms/db-01_root"]),
        (("vms", "^db-01"), ["vms/db-01_data", "vms/db-01_root"]),
        (("-p", "vms", "^db-01"), ["vms/db-01_data", "vms/db-01_root"]),
        (("-p", "ssd", "vms"), ["ssd/vms"]),
        (("ssd", "vms"), ["ssd/vms"]),
        (("^night",), ["ssd/nightly"]),
    ],
)
def test_volumes_are_chosen_by_pool_and_pattern(
    on_tree: Pvc, two_pools: Tree, words: tuple[str, ...], expected: list[str]
) -> None:
    assert names(on_tree, "volume", "list", *words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ssd",), ["ssd/nightly@monday", "ssd/vms@nightly"]),
        (("ssd", "nightly"), ["ssd/nightly@monday"]),
        (("ssd", "^night"), ["ssd/vms@nightly"]),
        (("ssd", "vms", "night"), ["ssd/vms@nightly"]),
        (("-p", "ssd", "nightly", "day"), ["ssd/nightly@monday"]),
        (("vms", "db-01_root"), ["vms/db-01_root@nightly"]),
        (("mon",), ["ssd/nightly@monday"]),
    ],
)
def test_snapshots_are_chosen_by_pool_volume_and_pattern(
    on_tree: Pvc, two_pools: Tree, words: tuple[str, ...], expected: list[str]
) -> None:
    assert names(on_tree, "snapshot", "list", *words) == expected


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("volume", "list", "vm", "x"), 1, "there is no pool 'vm': did you mean 'vms'?"),
        (("volume", "list", "-p", "nope"), 1, "there is no pool 'nope': see 'pvc storage pool list'"),
        (("volume", "list", "-p", "vms/db-01_root"), 1, "there is no pool 'vms/db-01_root': see"),
        (("snapshot", "list", "-p", "../x", "y"), 1, "there is no pool '../x': see 'pvc storage pool list'"),
        (("snapshot", "list", "vms", "web-1", "x"), 1, "pool vms has no volume 'web-1': "),
        (("volume", "list", "vms", "a", "b"), 2, "too many arguments: expected at most POOL PATTERN"),
        (("volume", "list", "-p", "vms", "a", "b"), 2, "too many arguments: expected at most PATTERN"),
        (("snapshot", "list", "a", "b", "c", "d"), 2, "too many arguments: expected at most POOL VOLUME PATTERN"),
        (("volume", "list", "vms", "("), 2, "invalid regular expression '('"),
        (("snapshot", "list", "("), 2, "invalid regular expression '('"),
        (("osd", "list", "("), 2, "invalid regular expression '('"),
        (("pool", "list", "("), 2, "invalid regular expression '('"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(
    on_tree: Pvc, words: tuple[str, ...], code: int, said: str
) -> None:
    result = on_tree("storage", *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"Error: {said}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"null", b"NaN", b"[" * 100_000, b"\xff", b"9" * 5000])
def test_statistics_that_are_not_json_are_null_and_hide_nothing(on_tree: Pvc, tree: Tree, text: bytes) -> None:
    for path in ("osds/1", "pools/vms", "volumes/vms/db-01_root", "snapshots/vms/db-01_root/nightly"):
        tree.put(f"/ceph/{path}/stats", text)
    for words, place in ((("osd",), 1), (("pool",), 0), (("volume", "snapshot"), 1)):
        found = documents(on_tree, *words, "list")
        assert found[place]["stats"] is None
        assert all(thing["stats"] for thing in found if thing is not found[place])
    volumes = {volume["name"]: volume["stats"] for volume in documents(on_tree, "volume", "list")}
    assert volumes["db-01_root"] is None
    assert volumes["db-01_data"]
    assert table(on_tree, "osd", "list")[2] == ["1", "pvchv2", "/dev/sdb", "none", *"???????"]
    assert table(on_tree, "pool", "list")[1] == ["vms", "default", "256", "22", *"?????"]
    assert table(on_tree, "volume", "list", "db-01_root")[1] == ["vms", "db-01_root", *"????"]
    assert table(on_tree, "snapshot", "list", "vms", "db-01_root")[1] == ["vms", "db-01_root", "nightly", "?"]


def test_statistics_of_other_types_are_handed_on_and_shown_as_unknown(on_tree: Pvc, tree: Tree) -> None:
    strange = {
        "up": "yes",
        "in": True,
        "kb": [1],
        "used": {"a": "\x1b[2J"},
        "pgs": None,
        "features": "x",
        "size": "1",
    }
    tree.put("/ceph/osds/1/stats", json.dumps(strange).encode())
    tree.put("/ceph/volumes/vms/db-01_root/stats", json.dumps(strange).encode())
    assert documents(on_tree, "osd", "list", "1")[0]["stats"] == strange
    assert table(on_tree, "osd", "list", "1")[1] == ["1", "pvchv2", "/dev/sdb", "none", *"???????"]
    assert table(on_tree, "volume", "list", "db-01_root")[1] == ["vms", "db-01_root", *"????"]


def test_an_unset_or_absent_value_is_null(on_tree: Pvc, tree: Tree) -> None:
    for path, value in (("osds/1/fsid/osd", b""), ("osds/1/is_split", b"maybe"), ("pools/vms/pgs", b"many")):
        tree.put(f"/ceph/{path}", value)
    tree.client.delete("/ceph/pools/vms/tier")
    osd = documents(on_tree, "osd", "list", "1")[0]
    assert (osd["fsid"], osd["is_split"]) == (None, None)
    pool = documents(on_tree, "pool", "list")[0]
    assert (pool["tier"], pool["pgs"]) == (None, None)


@pytest.mark.parametrize(
    ("version", "lacking"),
    [
        (0, {"db_device", "fsid", "is_split", "tier", "health"}),
        (5, {"fsid", "is_split", "tier", "health"}),
        (7, {"fsid", "is_split", "health"}),
        (8, {"is_split", "health"}),
        (10, set()),
    ],
)
def test_older_schemas_give_null_for_what_they_lack(
    pvc: Pvc, demo: Callable[..., Tree], version: int, lacking: set[str]
) -> None:
    tree = demo(version=version)
    if version >= 5:
        tree.put("/ceph/osds/0/db_device", b"/dev/osd-db/osd-0")

    def first(*words: str) -> dict[str, object]:
        result = pvc("--coordinators", tree.hosts, "storage", *words, "-o", "json")
        assert (result.code, result.err) == (0, "")
        found = json.loads(result.out)
        document: dict[str, object] = found if isinstance(found, dict) else found[0]
        return document

    every = first("osd", "list") | first("pool", "list") | first("status")
    assert {name for name, value in every.items() if value is None} == lacking
    assert first("volume", "list")["name"] == "app-01_root"
    assert first("snapshot", "list")["snapshot"] == "nightly"
    assert first("util")["type"] == "utilization"
    for words in LISTS:
        assert pvc("--coordinators", tree.hosts, "storage", *words, "list").code == 0


@pytest.mark.parametrize("words", LISTS)
def test_an_empty_cluster_has_no_storage(pvc: Pvc, empty: Tree, words: tuple[str, ...]) -> None:
    result = pvc("--coordinators", empty.hosts, "storage", *words, "list")
    said = {"osd": "OSDs", "pool": "pools", "volume": "volumes", "snapshot": "snapshots"}[words[-1]]
    assert (result.code, result.out, result.err) == (0, "", f"No {said}.\n")
    assert pvc("--coordinators", empty.hosts, "storage", *words, "list", "-o", "json").out == "[]\n"


def test_a_cluster_without_reports_says_so(pvc: Pvc, empty: Tree) -> None:
    result = pvc("--coordinators", empty.hosts, "storage", "status")
    assert (result.code, result.out, result.err) == (0, "", "Ceph has not reported its status.\n")
    document = json.loads(pvc("--coordinators", empty.hosts, "storage", "status", "-o", "json").out)
    assert document == {"type": "status", "primary_node": None, "ceph_data": None, "health": None}
    result = pvc("--coordinators", empty.hosts, "storage", "util")
    assert (result.code, result.out, result.err) == (0, "", "Ceph has not reported how full it is.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("osd", "list", "x"), "No OSD matches.\n"),
        (("pool", "list", "x"), "No pool matches.\n"),
        (("volume", "list", "x"), "No volume matches.\n"),
        (("snapshot", "list", "x"), "No snapshot matches.\n"),
        (("snapshot", "list", "vms", "web-01_root"), "No snapshots.\n"),
    ],
)
def test_a_pattern_that_matches_nothing_is_not_an_error(on_tree: Pvc, words: tuple[str, ...], said: str) -> None:
    result = on_tree("storage", *words)
    assert (result.code, result.out, result.err) == (0, "", said)


def test_a_thousand_volumes_take_as_many_round_trips_as_twenty(tree: Tree) -> None:
    def cost(volumes: int) -> list[int]:
        costs = []
        for look, expected in (
            (list_osds, 3),
            (list_pools, 1),
            (list_volumes, volumes),
            (list_snapshots, volumes - 18),
        ):
            with ZKHandler(tree.hosts) as handler:
                before = round_trips(handler)
                assert len(look(handler)) == expected
                costs.append(round_trips(handler) - before)
        return costs

    few = cost(22)
    with ZKHandler(tree.hosts) as handler:
        transaction = handler.transaction()
        for number in range(1000):
            for key in (
                ("volume", f"vms/v{number}"),
                ("volume.stats", f"vms/v{number}"),
                ("snapshot", f"vms/v{number}"),
            ):
                transaction.create(key, "{}")
            transaction.create(("snapshot", f"vms/v{number}/s"), "")
        execute(handler.store, [(op,) for op in transaction.ops])
    # The schema version, and one for each level.
    assert (few, cost(1022)) == ([3, 3, 4, 5], [3, 3, 4, 5])


def test_a_backup_is_listed_like_a_cluster(on_tree: Pvc, tmp_path: object) -> None:
    backup = f"{tmp_path}/backup.json"
    assert on_tree("cluster", "backup", backup).code == 0
    for words in (*((*words, "list") for words in LISTS), ("status",), ("util",)):
        assert on_tree("-c", f"file:{backup}", "storage", *words).out == on_tree("storage", *words).out != ""


def test_a_program_gets_the_same_and_the_same_errors(zk: ZKHandler) -> None:
    assert [volume.name for volume in list_volumes(zk, "vms", "^web")] == ["web-01_root", "web-02_root"]
    assert [found.snapshot for found in list_snapshots(zk, "vms", "db-01_root")] == ["nightly"]
    with pytest.raises(NotFoundError, match="there is no pool 'nope'"):
        list_volumes(zk, "nope")
    with pytest.raises(InvalidInputError, match="without its pool"):
        list_snapshots(zk, volume="db-01_root")
