"""What commands cost, counted and not timed: round trips, requests and bytes on the wire, and memory.

A fifth more than what is written here fails. Who makes something cheaper writes the new figure down.
"""

from __future__ import annotations

import time
import tracemalloc
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.cases import CASES, Case
from benchmarks.counted import CountedStore
from benchmarks.floor import recorder
from pvc_cli.cluster.controls import control
from pvc_cli.cluster.desired.matching import match_state
from pvc_cli.cluster.desired.plans import plan_state
from pvc_cli.cluster.desired.reading import read_state
from pvc_cli.cluster.vms.documents import vm_document
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.query import find, select
from pvc_cli.cluster.vms.read import read_vms
from pvc_cli.zk import ZKHandler, live
from pvc_cli.zk.backup import stream_backup
from pvc_cli.zk.migration.survey import survey
from tests.conftest import Pvc, Tree, round_trips
from tests.latency import far_away

VMS = 1000
MARGIN = 1.2
APPLIED = 11
"""Round trips that a file of desired state takes to be compared, however many VMs it names."""
WIRE = {  # round trips, requests, kilobytes sent; one request looks whether the chroot is there
    "vm list": (8, 12, 791),  # two of them while names are read: whether nodes are dead
    "vm list -o json": (9, 16, 1512),  # with statistics and the XML of snapshots
    "vm list --tag frontend": (7, 8, 208),  # the same
    "vm tag add NAME": (5, 6, 67),
    "vm tag add UUID": (4, 5, 1.1),
    "vm tag add --all": (6, 9, 803),
    "schema validate": (11, 23, 2315),  # with the values that PVC has to be able to parse
    "cluster backup": (20, 158, 2791),  # with a second look at every parent, and at the version before and after
    "schema upgrade, 0 to 15": (42, 49, 1065),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_wire_carries_no_more_than_it_did(
    demo: Callable[..., Tree], pvc: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    tree = demo(vms=VMS, version=0 if case.old_tree else None)
    address, _, chroot = tree.hosts.partition("/")
    words = {"{name}": "web-05", "{uuid}": tree.uuid("web-05"), "{file}": str(tmp_path / "backup")}
    monkeypatch.setattr(live, "LiveStore", CountedStore)
    with recorder(int(address.rpartition(":")[2]), tmp_path / "packets") as (proxy, recording):
        result = pvc("--coordinators", f"{proxy}/{chroot}", *(words.get(word, word) for word in case.command))
    assert result.code == 0, result.err
    cost = (CountedStore.last.round_trips, recording.requests, recording.sent / 1000)
    assert all(now <= MARGIN * before for now, before in zip(cost, WIRE[case.what], strict=True)), cost


@pytest.mark.parametrize("count", [200, 2000])
def test_a_file_that_names_many_vms_is_applied_in_a_constant_number_of_batches(
    demo: Callable[..., Tree], count: int
) -> None:
    tree = demo(vms=count)
    with ZKHandler(tree.hosts) as handler:
        vms = select(handler, Filters())
        tags = "tags: [{name: blue, protected: true}]"
        entries = [f"- {{vm: {vm.name}, {tags}, metadata: {{node_limit: [pvchv1]}}}}" for vm in vms]
        text = "\n".join(["version: 1", "vms:", *entries, "vfs:", "- {node: '*', vf: '*', config: {vlan_id: 7}}"])
        costs = []
        for dry_run in (True, False, False):
            before = round_trips(handler)
            wishes = match_state(handler, read_state(text, "state.yaml"), prune=True)
            outcome = control(handler, wishes, plan_state(), dry_run=dry_run)
            costs.append(round_trips(handler) - before)
            assert {one.status for one in outcome.controls} <= {"changed", "unchanged"}
        changed = count * 6 + 24
    planned, done, unchanged = costs
    assert (planned, unchanged) == (APPLIED, APPLIED)
    # What changes something besides commits one transaction for every 2,000 steps or so.
    assert done <= APPLIED + 1 + changed // 1000


FAR = 0.3
DEPTH = {  # how often the servers are waited for, one after the other; three for the session
    "vm list": 6,
    "node list": 5,
    "cluster status": 13,  # of these, ten for the levels of the tree that its validation looks at
    "report -": 13,
}


@pytest.mark.parametrize("what", DEPTH)
def test_what_does_not_depend_on_each_other_is_read_at_the_same_time(tree: Tree, pvc: Pvc, what: str) -> None:
    def depth() -> float:
        taken = []
        for round_trip in (0.0, FAR):
            with far_away(tree.hosts, round_trip) as hosts:
                begun = time.monotonic()
                assert pvc("--coordinators", hosts, *what.split()).code in (0, 1)
                taken.append(time.monotonic() - begun)
        near, far = taken
        return (far - near) / FAR

    # This is timed: half as much again, and two more tries, are for what else this machine does.
    # One by one, a status took three times as much.
    assert any(depth() < 1.5 * DEPTH[what] for _ in range(3))


def _list(handler: ZKHandler) -> None:
    for vm in read_vms(handler, [vm.uuid for vm in select(handler, Filters())]):
        vm_document(vm)


MEMORY: dict[str, tuple[Callable[[ZKHandler], object], int]] = {  # and KiB
    "list": (_list, 8600),
    "find": (lambda handler: find(handler, ["web-05"]), 800),
    "survey": (lambda handler: survey(handler.store, handler.schema, leaves=True), 8100),
    "backup": (lambda handler: deque(stream_backup(handler), maxlen=0), 13100),
}


def _peak(action: Callable[[], object]) -> float:
    """Return how much memory, in KiB, *action* has allocated when it has most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / 1024
    finally:
        tracemalloc.stop()


@pytest.mark.no_cover
@pytest.mark.parametrize("what", MEMORY)
def test_memory_is_no_more_than_it_was(demo: Callable[..., Tree], what: str) -> None:
    action, before = MEMORY[what]
    with ZKHandler(demo(vms=VMS).hosts) as handler:
        action(handler)
        assert _peak(lambda: action(handler)) <= MARGIN * before


@pytest.mark.no_cover
def test_a_list_of_many_takes_the_memory_of_a_few(demo: Callable[..., Tree]) -> None:
    with ZKHandler(demo(vms=6 * VMS).hosts) as handler:
        uuids = [vm.uuid for vm in select(handler, Filters())]

        def listing(count: int) -> Callable[[], None]:
            def drain() -> None:
                for vm in read_vms(handler, uuids[:count]):
                    vm_document(vm)

            return drain

        listing(6 * VMS)()  # fills the caches, which stay the same size whatever is listed
        few, many = _peak(listing(2 * VMS)), _peak(listing(6 * VMS))
    # A list that kept all of them would take three times as much; how much is on its way at once is up to chance.
    assert many <= 1.5 * few
