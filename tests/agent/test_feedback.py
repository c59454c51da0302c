"""`pvc sriov vf set --wait` against an agent that runs: it tells what the card says, and never more than that."""

from __future__ import annotations

import errno
import json
import signal
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from pvc_cli.cluster.sriov.agents import Agents, read_agents
from pvc_cli.cluster.sriov.applied import wait_until_applied
from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.cluster.sriov.report import read_reports
from pvc_cli.cluster.sriov.settings import CheckedSettings, change_settings
from pvc_cli.zk import ZKHandler
from tests.agent.running import Running
from tests.conftest import Pvc, Tree
from tests.waiting import wait_until

SET = ("sriov", "vf", "set", "pvchv1")
VF = VfRef("pvchv1", "ens1f0v1")


def vfs(*entries: str) -> str:
    """Return a file of desired state."""
    return "version: 1\nvfs:\n" + "".join(f"- {entry}\n" for entry in entries)


@pytest.fixture
def running(tree: Tree, zk: ZKHandler, running: Running) -> Running:
    """An agent of pvchv1 that has reported; ens1f1 is a card whose driver lacks much."""
    running.kernel.unplug("ens1f1")
    running.kernel.plug_in("ens1f1", "igb")
    running.start(tree.hosts)
    running.settled()
    wait_until(lambda: read_reports(zk, ["pvchv1"])["pvchv1"] is not None)
    return running


def test_what_the_card_takes_is_exit_0_once_it_has_it(on_tree: Pvc, running: Running) -> None:
    for vlan in range(1, 9):
        result = on_tree(*SET, "ens1f0v1", "--vlan-id", str(vlan), "--wait")
        assert running.kernel.actual("ens1f0", 1).vlan_id == vlan
        assert result.code == 0
    assert result.err == (
        "pvchv1/ens1f0v1: changed vlan_id 7 -> 8.\nWaiting for the card.\npvchv1/ens1f0v1: the card has it.\n"
    )
    # What is so already needs no further report.
    started = time.monotonic()
    result = on_tree(*SET, "ens1f0v1", "--vlan-id", "8", "--wait", "5", "-o", "json")
    assert time.monotonic() - started < 4
    (one,) = json.loads(result.out)["items"]
    assert (result.code, one["status"], one["agent"]) == (0, "unchanged", "running")
    assert one["card"] == {
        "applied": True,
        "state": "in_sync",
        "refused": {},
        "seen": {},
        "overruled": {},
        "deleted": False,
    }


def test_what_the_driver_refuses_is_exit_1_with_its_reason(on_tree: Pvc, running: Running) -> None:
    result = on_tree(*SET, "ens1f1v1", "--link-state", "enable", "--vlan-id", "9", "--wait")
    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        "Error: pvchv1/ens1f1v1: refused: link_state: Operation not supported (EOPNOTSUPP);"
        " see 'pvc sriov vf info pvchv1 ens1f1v1'"
    )
    # Another setting of the same VF is judged by itself.
    result = on_tree(*SET, "ens1f1v1", "--vlan-id", "10", "--wait")
    assert result.code == 0
    assert "Warning: pvchv1/ens1f1v1: not as wanted, as before: link_state; see " in result.err
    result = on_tree(*SET, "ens1f?v1", "--link-state", "disable", "--wait", "-o", "json")
    document = json.loads(result.out)
    cards = {one["phy"]: one["card"] for one in document["items"]}
    assert result.code == 1
    assert cards["ens1f0v1"]["applied"] is True
    # What was written is there, but the card does not have it.
    assert document["counts"] == {"changed": 1, "unchanged": 0, "refused": 0, "failed": 1}
    (failed,) = (one for one in document["items"] if one["status"] == "failed")
    assert (failed["phy"], len(failed["changes"])) == ("ens1f1v1", 1)
    assert failed["reason"].startswith("refused: link_state: Operation not supported (EOPNOTSUPP); see ")
    error = json.loads(result.err.splitlines()[-1])["error"]
    assert (error["code"], error["kind"]) == (1, "refused")
    assert cards["ens1f1v1"]["refused"] == {"link_state": "Operation not supported (EOPNOTSUPP)"}


def test_an_agent_that_does_not_answer_is_exit_4(on_tree: Pvc, running: Running) -> None:
    running.suspend()
    try:
        result = on_tree(*SET, "ens1f0v1", "--vlan-id", "33", "--wait", "1")
    finally:
        running.signal(signal.SIGCONT)
    assert result.code == 4
    assert result.err.splitlines()[-1] == (
        "Error: pvchv1/ens1f0v1: no answer within 1 s: its agent has not reported since the change;"
        " the setting is kept"
    )
    assert on_tree(*SET, "ens1f0v1", "--vlan-id", "33", "--wait").code == 0


def test_a_card_that_cannot_be_read_is_no_success(on_tree: Pvc, running: Running, zk: ZKHandler) -> None:
    with running.kernel.card("ens1f0") as card:
        card["reported"] = 1
    result = on_tree(*SET, "ens1f0v1", "--vlan-id", "44", "--wait", "2")
    assert running.kernel.actual("ens1f0", 1).vlan_id != 44
    assert result.code in (1, 4)
    with running.kernel.card("ens1f0") as card:
        card["reported"] = None
    assert on_tree(*SET, "ens1f0v1", "--vlan-id", "44", "--wait").code == 0
    assert running.kernel.actual("ens1f0", 1).vlan_id == 44


def test_a_file_of_settings_is_waited_for_as_a_single_one_is(on_tree: Pvc, running: Running) -> None:
    """Each VF by its own settings; what a card refuses is kept, and told with the name of the VF."""
    wanted = [f"{{node: pvchv1, vf: ens1f0v{number}, config: {{vlan_id: {11 + number}}}}}" for number in (0, 1)]
    result = on_tree("sriov", "vf", "apply", "-f", "-", "--wait", stdin=vfs(*wanted))
    assert [running.kernel.actual("ens1f0", number).vlan_id for number in (0, 1)] == [11, 12]
    assert result.code == 0
    assert "Waiting for the card.\n" in result.err
    assert "pvchv1/ens1f0v1: changed: vlan_id 0 -> 12; the card has it.\n" in result.err
    mixed = vfs("{node: pvchv1, vf: ens1f?v1, config: {link_state: disable}}")
    result = on_tree("sriov", "vf", "apply", "-f", "-", "--wait", "-o", "json", stdin=mixed)
    items = {one["name"]: one for one in json.loads(result.out)["items"]}
    assert (result.code, items["pvchv1/ens1f0v1"]["status"]) == (1, "changed")
    failed = items["pvchv1/ens1f1v1"]
    assert (failed["status"], len(failed["changes"])) == ("failed", 1)
    assert failed["reason"].startswith("refused: link_state: Operation not supported (EOPNOTSUPP); see ")


def test_a_file_of_settings_is_not_waited_for_where_no_agent_is(on_tree: Pvc) -> None:
    text = vfs("{node: pvchv1, vf: ens1f0v1, config: {vlan_id: 12}}")
    result = on_tree("sriov", "vf", "apply", "-f", "-", "--wait", stdin=text)
    assert result.code == 4
    assert result.err == (
        "Waiting for the card.\n"
        "Error: pvchv1/ens1f0v1: failed: no answer: node pvchv1 has no SR-IOV agent; the setting is kept\n"
    )


def test_what_may_yet_be_applied_is_waited_for_and_then_said(on_tree: Pvc, running: Running) -> None:
    with running.kernel.card("ens1f0") as card:
        card["refuse"] = {"rate": errno.EBUSY}
    result = on_tree(*SET, "ens1f0v1", "--tx-max", "500", "--wait", "1")
    assert result.code == 1
    assert "ens1f0v1: not applied within 1 s: tx_rate_max is 0; see " in result.err


def test_a_vf_that_the_card_lacks_is_told_at_once(on_tree: Pvc, running: Running, tree: Tree) -> None:
    # One that somebody claimed is kept when it is gone.
    values = {"": b"", "/pf": b"ens9", "/config": b"", "/config/vlan_id": b"0", "/used": b"True", "/used_by": b"x"}
    for key, value in values.items():
        tree.put(f"/nodes/pvchv1/sriov/vf/ens9v0{key}", value)
    wait_until(lambda: "pvchv1/ens9v0" in on_tree("sriov", "vf", "list", "--drift", "-o", "name").out.split(), 40)
    started = time.monotonic()
    result = on_tree(*SET, "ens9v0", "--vlan-id", "5", "--wait")
    assert (result.code, time.monotonic() - started < 10) == (1, True)
    assert "ens9v0: not applied: the VF is orphaned, and set once the card has it; see " in result.err


def test_an_earlier_report_tells_nothing_of_a_later_change(running: Running, tree: Tree, zk: ZKHandler) -> None:
    """The agent has read all but the last change, and writes its report after that: that proves nothing."""
    report = read_reports(zk, ["pvchv1"])["pvchv1"]
    assert report
    assert report.vfs["ens1f0v1"].state == "in_sync"
    running.suspend()
    try:
        data = tree.client.get("/nodes/pvchv1/monitoring_data/sriov/data")[0]
        tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/config/vlan_id", b"55")
        tree.put("/nodes/pvchv1/monitoring_data/sriov/data", data + b" ")
        (one,), _ = wait_until_applied(zk, {VF: {"vlan_id": 55}}, 0.5)
        assert (one.done, one.state) == (False, None)
    finally:
        running.signal(signal.SIGCONT)
    (one,), _ = wait_until_applied(zk, {VF: {"vlan_id": 55}}, 20)
    assert one.done


@pytest.fixture
def after_set(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have another client act once the settings are written, before the card is waited for."""

    def after(act: Callable[[], object]) -> None:
        def set_and_act(
            handler: ZKHandler, vfs: Sequence[VfRef], settings: CheckedSettings, *, dry_run: bool
        ) -> object:
            done = change_settings(handler, vfs, settings, dry_run=dry_run)
            act()
            return done

        monkeypatch.setattr("pvc_cli.commands.network.sriov.vf.set.change_settings", set_and_act)

    return after


CONFIG = "/nodes/pvchv1/sriov/vf/ens1f0v1/config"
After = Callable[[Callable[[], object]], None]


def test_what_another_client_changes_again_is_no_success(
    on_tree: Pvc, running: Running, tree: Tree, after_set: After
) -> None:
    """The card is in sync with what the other wants."""

    def overrule() -> None:
        tree.put(f"{CONFIG}/vlan_id", b"99")
        wait_until(lambda: running.kernel.actual("ens1f0", 1).vlan_id == 99)

    after_set(overrule)
    result = on_tree(*SET, "ens1f0v1,ens1f0v2", "--vlan-id", "66", "--no-trust", "--wait", "20", "-o", "json")
    cards = {one["phy"]: one["card"] for one in json.loads(result.out)["items"]}
    assert (result.code, cards["ens1f0v1"]["applied"], cards["ens1f0v2"]["applied"]) == (5, False, True)
    assert cards["ens1f0v1"]["overruled"] == {"vlan_id": 99}
    assert "ens1f0v1: changed again by another client: vlan_id is 99 now; see " in result.err
    # What others set besides is their business.
    after_set(lambda: tree.put(f"{CONFIG}/tx_rate_max", b"300"))
    assert on_tree(*SET, "ens1f0v1", "--vlan-id", "67", "--wait", "20").code == 0


def test_what_is_overruled_while_the_card_is_waited_for_is_no_success(
    on_tree: Pvc, running: Running, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks, and between the parts of one."""
    looks = 0

    def overrule(handler: ZKHandler, nodes: Sequence[str]) -> Agents:
        nonlocal looks
        looks += 1
        if looks == 2:
            tree.put(f"{CONFIG}/vlan_id", b"99")
            wait_until(lambda: running.kernel.actual("ens1f0", 1).vlan_id == 99)
        return read_agents(handler, nodes)

    monkeypatch.setattr("pvc_cli.cluster.sriov.applied.read_agents", overrule)
    with running.kernel.card("ens1f0") as card:
        card["refuse"] = {"vlan": errno.EBUSY}
    later = threading.Timer(1, _relent, [running])
    later.start()
    result = on_tree(*SET, "ens1f0v1", "--vlan-id", "66", "--wait", "20")
    later.join()
    assert (result.code, "changed again by another client: vlan_id is 99 now" in result.err) == (5, True)


def _relent(running: Running) -> None:
    with running.kernel.card("ens1f0") as card:
        card["refuse"] = {}


def test_a_vf_that_is_deleted_meanwhile_is_told_so(
    on_tree: Pvc, running: Running, tree: Tree, after_set: After
) -> None:
    vf = CONFIG.removesuffix("/config")
    running.suspend()
    try:
        held = tree.dump(vf)
        after_set(lambda: tree.client.delete(vf, recursive=True))
        result = on_tree(*SET, "ens1f0v1", "--vlan-id", "66", "--wait", "20")
        assert (result.code, "ens1f0v1: deleted by another client before " in result.err) == (5, True)
        assert "the card has it" not in result.err
    finally:
        running.signal(signal.SIGCONT)
    # Registered again, it has the settings of the card.
    wait_until(lambda: bool(tree.client.exists(f"{CONFIG}/vlan_id")))

    def recreate() -> None:
        running.suspend()
        tree.client.delete(vf, recursive=True)
        for path in sorted(held):
            tree.client.create(path, held[path])

    after_set(recreate)
    try:
        result = on_tree(*SET, "ens1f0v1", "--vlan-id", "67", "--wait", "20")
    finally:
        running.signal(signal.SIGCONT)
    assert (result.code, "ens1f0v1: changed again by another client: vlan_id is 0 now" in result.err) == (5, True)
