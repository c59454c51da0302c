"""The model leaves the very marks that PVC 1.0.3 was seen to leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Tree
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
