"""The model leaves the very marks that PVC 1.0.3 was seen to leave, and pvc knows and removes them all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import pytest

from pvc_cli.zk import ZKHandler
from pvc_cli.zk.migration import service
from pvc_cli.zk.migration.migrate import validate
from tests.conftest import Tree, without_daemons
from tests.pvc.check import create_missing
from tests.pvc.migration import migrate, roll_back

FROM_8 = {
    "is_split", "migration_max_downtime", "monitoring_data", "monitoring_health", "monitoring_plugins",
    "network_stats", "snapshots",
}  # fmt: skip
SEEN = {
    0: {"sriov", "tags", "db_device", "mtu", "pvcversion", "tier"},
    8: FROM_8,
    9: {"is_split", "migration_max_downtime", "network_stats", "snapshots"},
    11: {"migration_max_downtime", "network_stats", "snapshots"},
    12: {"migration_max_downtime", "snapshots"},
    13: {"snapshots"},
    14: set(),
}


@pytest.mark.parametrize("start", SEEN)
def test_a_migration_litters_the_root_as_pvcs_does(demo: Callable[..., Tree], start: int) -> None:
    tree = demo(vms=1, version=start)
    before = {*tree.client.get_children("/")}
    migrate(tree.client, start, 15, knows=15)
    of_the_schema = {"logs", "faults"}
    assert {*tree.client.get_children("/")} - before - of_the_schema == SEEN[start]


def test_a_rollback_deletes_keys_of_the_cluster_and_forgets_those_of_items(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=1)
    vm = f"/domains/{tree.uuid('web-01')}"
    roll_back(tree.client, 15, 13)
    assert (tree.client.exists("/config/fence_lock"), bool(tree.client.exists(f"{vm}/snapshots"))) == (None, True)


def test_a_check_creates_what_is_missing_and_its_own_marks(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=1)
    vm = f"/domains/{tree.uuid('web-01')}"
    tree.client.delete(f"{vm}/state")
    created = create_missing(tree.client, 15)
    assert f"{vm}/state" in created
    assert {path.rpartition("/")[2] for path in created} == {"state", "mac", "ip", "description"}
    assert create_missing(tree.client, 15) == []


@pytest.mark.parametrize(("start", "target"), [*((start, 15) for start in range(15)), (15, 13), (15, 9), (12, 0)])
def test_pvc_recognises_and_removes_what_pvcs_migrations_leave(
    demo: Callable[..., Tree], start: int, target: int
) -> None:
    tree = without_daemons(demo)(vms=1, version=start)
    if start < target:
        migrate(tree.client, start, target, knows=15)
    else:
        roll_back(tree.client, start, target)
    tree.put("/schema/version", str(target).encode())
    create_missing(tree.client, target)
    with ZKHandler(tree.hosts) as handler:
        found = validate(handler)
        assert (found.foreign, found.missing, [stray for stray in found.stray if not stray.pvc_made]) == ([], [], [])
        service.apply(handler, prune=True)
        found = validate(handler)
        assert (found.stray, found.normal, found.foreign, found.missing) == ([], [], [], [])
        # What holds data stays: a rollback deletes none.
        assert not found.retired or target < start


def shuffled(number: int, key: str) -> str:
    """What gives keys the order of that number."""
    return hashlib.sha256(f"{number}{key}".encode()).hexdigest()


def test_pvc_recognises_what_a_migration_leaves_in_whatever_order(demo: Callable[..., Tree]) -> None:
    tree = without_daemons(demo)(vms=1, version=7)
    before = {*tree.client.get_children("/")}
    left = []
    for number in range(40):
        migrate(tree.client, 7, 15, knows=15, order=partial(shuffled, number))
        left.append({*tree.client.get_children("/")} - before - {"logs", "faults"})
        with ZKHandler(tree.hosts) as handler:
            assert validate(handler).foreign == []
        for name in left[-1]:
            tree.client.delete(f"/{name}", recursive=True)
        tree.put("/cmd")
    assert any({"fsid", "lvm"} <= names for names in left)
    assert set() in left  # where every transaction failed
