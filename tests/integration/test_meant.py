"""What filters selected is judged again as it is changed: between the two, others change what was judged."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import pytest

from pvc_cli.cluster.controls import Control, control, refuse
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.meant import NO_LONGER, while_meant
from pvc_cli.cluster.vms.metadata import MetadataChange, plan_metadata
from pvc_cli.cluster.vms.query import VmRef, select
from pvc_cli.cluster.vms.tag_plans import plan_add, plan_remove
from pvc_cli.cluster.vms.tagging import Plan, VmChange, change_tags, refuse_all
from pvc_cli.zk import ZKHandler
from tests.conftest import Tree, changes_between, round_trips
from tests.terminal import Terminal

Rival = Callable[[Tree, str], object]


def stop(tree: Tree, vm: str) -> None:
    tree.put(f"{vm}/state", b"stop")


def untag(tree: Tree, vm: str) -> None:
    tree.client.delete(f"{vm}/tags/frontend", recursive=True)


def tag(tree: Tree, vm: str) -> None:
    tree.put(f"{vm}/tags/blue", b"blue")


def shrink(tree: Tree, vm: str) -> None:
    tree.put(f"{vm}/xml", tree.client.get(f"{vm}/xml")[0].replace(b"memory", b"nothing"))


RIVALS: dict[str, tuple[Filters, Rival]] = {
    "state": (Filters(states=("start",)), stop),
    "excluded state": (Filters(states=("!stop",)), stop),
    "inverted state": (Filters(states=("stop",), negate=True), stop),
    "node": (Filters(nodes=("pvchv1", "pvchv3")), lambda tree, vm: tree.put(f"{vm}/node", b"pvchv2")),
    "tag": (Filters(tags=("frontend",)), untag),
    "pattern of tags": (Filters(tags=("front*", "production")), untag),
    "memory": (Filters(min_memory=1), shrink),
    "state and tag": (Filters(states=("start",), tags=("frontend",)), stop),
}
"""Filters that match web-01, and what a rival does so that they no longer do."""
UNGUARDED: dict[str, tuple[Filters, Rival]] = {
    "excluded tag": (Filters(tags=("!blue",)), tag),
    "without a tag": (Filters(without_tags=("blue",)), tag),
}
"""The same for what cannot be guarded: it is judged while the change is planned."""


def held(plan: Plan, filters: Filters) -> Plan:
    return while_meant(plan, filters, lambda handler, step: refuse_all(handler, step, NO_LONGER))


def once(act: Callable[[], object]) -> Callable[[], None]:
    """Return what does *act* the first time it is called."""
    left = [act]

    def maybe() -> None:
        if left:
            left.pop()()

    return maybe


@pytest.mark.parametrize("what", RIVALS)
@pytest.mark.parametrize("moment", ["planned", "committed"])
@pytest.mark.parametrize("change", ["add", "remove"])
def test_a_vm_that_is_no_longer_selected_keeps_its_tags_and_the_others_are_changed(
    zk: ZKHandler, tree: Tree, what: str, moment: str, change: str
) -> None:
    filters, rival = RIVALS[what]
    web = f"/domains/{tree.uuid('web-01')}"
    chosen = select(zk, filters)
    assert "web-01" in [vm.name for vm in chosen]
    act = once(lambda: rival(tree, web))
    made = held(plan_add(["x"]) if change == "add" else plan_remove(["production"], if_exists=True), filters)

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[VmChange]:
        steps = made(handler, vms)
        act()
        return steps

    if moment == "planned":
        act()
    before = tree.dump()
    found = change_tags(zk, chosen, plan).outcomes
    assert [(one.vm.name, one.detail) for one in found if one.status in ("refused", "failed")] == [
        ("web-01", NO_LONGER)
    ]
    assert len(found) == len(chosen)
    after = changes_between(before, tree.dump())
    assert not {f"{web}/tags/x", f"{web}/tags/production"} & after.keys()


@pytest.mark.parametrize("what", RIVALS)
@pytest.mark.parametrize("moment", ["planned", "committed"])
def test_a_vm_that_is_no_longer_selected_keeps_its_metadata(
    zk: ZKHandler, tree: Tree, what: str, moment: str
) -> None:
    filters, rival = RIVALS[what]
    web = f"/domains/{tree.uuid('web-01')}"
    chosen = select(zk, filters)
    act = once(lambda: rival(tree, web))
    made = while_meant(
        plan_metadata(MetadataChange(profile="other")), filters, lambda zk, step: refuse(zk, step.item, NO_LONGER)
    )

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        steps = made(handler, vms)
        act()
        return steps

    if moment == "planned":
        act()
    done = {step.name: (step.status, step.detail) for step in control(zk, chosen, plan).controls}
    assert done.pop("web-01") == ("refused", NO_LONGER)
    assert {status for status, _ in done.values()} <= {"changed"}
    assert tree.client.get(f"{web}/profile")[0] != b"other"


@pytest.mark.parametrize("what", UNGUARDED)
def test_a_vm_that_got_an_excluded_tag_before_it_was_planned_is_refused(zk: ZKHandler, tree: Tree, what: str) -> None:
    filters, rival = UNGUARDED[what]
    chosen = select(zk, filters)
    rival(tree, f"/domains/{tree.uuid('web-01')}")
    found = change_tags(zk, chosen, held(plan_add(["x"]), filters)).outcomes
    assert [(one.vm.name, one.detail) for one in found if one.status == "refused"] == [("web-01", NO_LONGER)]


def test_a_vm_that_matches_again_is_changed(zk: ZKHandler, tree: Tree) -> None:
    filters = Filters(tags=("frontend",), states=("start",))
    chosen = select(zk, filters)
    web = f"/domains/{tree.uuid('web-01')}"

    def write_anew() -> None:
        untag(tree, web)
        stop(tree, web)
        tree.put(f"{web}/tags/frontend", b"frontend")
        tree.put(f"{web}/state", b"start")

    act = once(write_anew)
    made = held(plan_add(["x"]), filters)

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[VmChange]:
        steps = made(handler, vms)
        act()
        return steps

    assert {one.status for one in change_tags(zk, chosen, plan).outcomes} == {"changed"}


@pytest.mark.parametrize(
    "words",
    [
        "vm tag add -g production blue",
        "vm tag remove -g production frontend",
        "vm meta set -g production --profile other",
        "vm stop -g production",
        "vm disable -g production --force",
        "vm migrate -g production -t pvchv2 --force",
    ],
)
def test_what_changes_while_a_question_waits_is_refused_by_name(demo: Callable[..., Tree], words: str) -> None:
    tree = demo(vms=40)
    web = f"/domains/{tree.uuid('web-01')}"
    command = [sys.executable, "-m", "pvc_cli", "--coordinators", tree.hosts, *words.split()]
    terminal = Terminal(command, dict(os.environ), columns=200)
    terminal.wait_for("[y/N]: ")
    tree.client.delete(f"{web}/tags/production", recursive=True)
    before = tree.dump(web)
    terminal.type("y\n")
    assert terminal.wait_for_end() == 1
    assert NO_LONGER in terminal.seen
    assert "web-01" in terminal.seen
    assert tree.dump(web) == before


def test_what_disabling_stops_itself_is_still_meant(demo: Callable[..., Tree], pvc: Callable[..., object]) -> None:
    tree = demo()
    result = pvc("--coordinators", tree.hosts, "vm", "disable", "-s", "start", "-g", "frontend", "--force")
    assert result.code == 0, result  # type: ignore[attr-defined]
    assert tree.client.get(f"/domains/{tree.uuid('web-01')}/state")[0] == b"disable"


def test_to_judge_again_is_one_read_beside_those_of_the_plan(zk: ZKHandler) -> None:
    filters = Filters(states=("start",), nodes=("pvchv1",))
    chosen = select(zk, filters)

    def cost(plan: Plan) -> int:
        before = round_trips(zk)
        plan(zk, chosen)
        return round_trips(zk) - before

    assert cost(held(plan_add(["x"]), filters)) <= cost(plan_add(["x"])) + 1
