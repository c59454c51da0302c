"""An agent's rounds, on a real ZooKeeper and simulated cards."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence

import pytest

from pvc_cli.agent.agent import Depth
from pvc_cli.agent.cards import Card
from pvc_cli.agent.config import Device
from pvc_cli.agent.kernel import VfState
from pvc_cli.agent.publish import Publisher
from pvc_cli.agent.register import plan_registration
from pvc_cli.agent.status import report_of
from pvc_cli.cluster.sriov.claims import claim
from pvc_cli.cluster.sriov.model import VfConfig, find_vfs, list_vfs, read_vfs
from pvc_cli.cluster.sriov.rename import rename_pf
from pvc_cli.cluster.sriov.report import PfReport, format_report
from pvc_cli.cluster.sriov.settings import change_settings, check_settings
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import NotFoundError, SchemaError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import CommitConflictError, Op
from tests.agent.conftest import Node, counts, set_vf
from tests.conftest import Tree, round_trips

PF = "/nodes/pvchv1/sriov/pf"
VF = "/nodes/pvchv1/sriov/vf"
LACKING = "Operation not supported (EOPNOTSUPP)"


@pytest.fixture
def bare(tree: Tree) -> Tree:
    """A demo cluster whose pvchv1 knows of no PFs and VFs."""
    for path in (PF, VF):
        tree.client.delete(path, recursive=True)
    tree.client.delete("/nodes/pvchv1/sriov")
    return tree


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_card_is_prepared_and_registered_to_the_byte(
    node: Node, bare: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0", "igb")
    assert not node.restart(Device("ens1f0", 9000, 2)).reconcile_node(zk)
    port = sum(b"ens1f0") % 256
    expected = {
        "/nodes/pvchv1/sriov": b"",
        PF: b"",
        VF: b"",
        f"{PF}/ens1f0": b"",
        f"{PF}/ens1f0/mtu": b"9000",
        f"{PF}/ens1f0/vfcount": b"2",
    }
    for index in range(2):
        mac = f"02:00:{port:02x}:00:00:{index:02x}".encode()
        values = {
            "": b"", "/pf": b"ens1f0", "/mtu": b"9000", "/mac": mac, "/phy_mac": mac, "/config": b"",
            "/config/vlan_id": b"0", "/config/vlan_qos": b"0", "/config/tx_rate_min": b"0",
            "/config/tx_rate_max": b"0", "/config/spoof_check": b"True", "/config/link_state": b"auto",
            "/config/trust": b"False", "/config/query_rss": b"False", "/pci": b"", "/pci/domain": b"0000",
            "/pci/bus": f"{port:02x}".encode(), "/pci/slot": b"10", "/pci/function": str(index).encode(),
            "/used": b"False", "/used_by": b"",
        }  # fmt: skip
        expected |= {f"{VF}/ens1f0v{index}{path}": value for path, value in values.items()}
    node.agent.lease.release()
    assert bare.dump("/nodes/pvchv1/sriov") == expected
    state = node.kernel.pf("ens1f0")
    assert state
    assert (state.mtu, state.up, state.vfs) == (9000, True, 2)
    assert said(capsys) == [
        "ens1f0: MTU 1500 -> 9000",
        "ens1f0: link up",
        "ens1f0: creating 2 VFs",
        "PF ens1f0 registered",
        "VF ens1f0v0 registered",
        "VF ens1f0v1 registered",
        "ens1f0v0: mtu 1500 -> 9000",
        "ens1f0v1: mtu 1500 -> 9000",
    ]


def test_a_second_pass_and_a_second_agent_change_nothing(
    node: Node, bare: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    devices = [Device("ens1f0", None, 4)]
    node.restart(*devices).reconcile_node(zk)

    def written() -> dict[str, int]:
        """When each znode was last written, but for the lock."""
        return {path: bare.client.get(path)[1].mzxid for path in bare.dump() if "__lock__" not in path}

    before = written()
    said(capsys)
    node.agent.reconcile_node(zk)
    node.restart(*devices).reconcile_node(zk)
    assert written() == before
    assert said(capsys) == []
    assert bare.client.get(f"{PF}/ens1f0/mtu")[0] == b"1500"


def test_configured_settings_are_kept_and_applied_and_only_what_differs(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    node.kernel.create_vfs("ens1f0", 4)
    set_vf(zk, "ens1f0v1", vlan_id=101, vlan_qos=2, trust=True)
    agent = node.restart(Device("ens1f0", None, 4))
    assert not agent.reconcile_node(zk)
    assert node.kernel.actual("ens1f0", 1) == VfConfig(101, 2, 0, 0, "auto", True, True, False)
    lines = [line for line in said(capsys) if line.startswith("ens1f0v1: ")]
    assert lines == ["ens1f0v1: vlan_id 0 -> 101, vlan_qos 0 -> 2", "ens1f0v1: spoof_check False -> True",
                     "ens1f0v1: trust False -> True"]  # fmt: skip
    assert (counts(agent), agent.memory.drifted) == ((4, 4, 0), 0)
    with node.kernel.card("ens1f0") as card:
        touched = [vf["at"] for vf in card["vfs"]]
    set_vf(zk, "ens1f0v2", tx_rate_min=10, tx_rate_max=100)
    agent.reconcile_node(zk, depth=Depth.CHANGES)
    with node.kernel.card("ens1f0") as card:
        assert [a["at"] != b for a, b in zip(card["vfs"], touched, strict=True)] == [False, False, True, False]
    assert node.kernel.actual("ens1f0", 2).tx_rate_min == 10


def test_half_of_a_pair_keeps_the_other_half(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 4))
    set_vf(zk, "ens1f0v0", vlan_id=7, vlan_qos=3, tx_rate_max=100)
    agent.reconcile_node(zk)
    for name, value in (("vlan_id", 8), ("tx_rate_min", 50)):
        set_vf(zk, "ens1f0v0", **{name: value})
        agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert node.kernel.actual("ens1f0", 0) == VfConfig(8, 3, 50, 100, "auto", True, False, False)


def test_what_a_driver_lacks_is_said_once_a_value_and_holds_up_nothing(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0", "igb")
    agent = node.restart(Device("ens1f0", None, 4))
    set_vf(
        zk, "ens1f0v0", vlan_id=5, tx_rate_min=100, tx_rate_max=1000, link_state="enable", trust=True, query_rss=True
    )
    assert not agent.reconcile_node(zk)
    refused = [line for line in said(capsys) if "failed" in line]
    assert refused == [
        "Warning: ens1f0v0: tx_rate_min 0 -> 100 failed: Invalid argument (EINVAL)",
        f"Warning: ens1f0v0: link_state auto -> enable failed: {LACKING}",
        f"Warning: ens1f0v0: query_rss False -> True failed: {LACKING}",
    ]
    # The maximum is set all the same: without it, the VF would have no limit at all.
    assert node.kernel.actual("ens1f0", 0) == VfConfig(5, 0, 0, 1000, "auto", True, True, False)
    assert counts(agent) == (4, 3, 3)
    agent.reconcile_node(zk)
    agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert said(capsys) == []
    set_vf(zk, "ens1f0v0", link_state="disable", tx_rate_min=0)
    agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert said(capsys) == [f"Warning: ens1f0v0: link_state auto -> disable failed: {LACKING}"]
    assert node.kernel.actual("ens1f0", 0).tx_rate_max == 1000
    assert counts(agent)[2] == 2


def test_a_rate_that_is_refused_for_want_of_a_working_link_is_tried_again(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0", "igb")
    with node.kernel.card("ens1f0") as card:
        card["cable"] = False
    agent = node.restart(Device("ens1f0", None, 4))
    set_vf(zk, "ens1f0v0", tx_rate_max=100)
    assert agent.reconcile_node(zk)
    assert agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert len([line for line in said(capsys) if "failed" in line]) == 1
    assert counts(agent)[2] == 0
    with node.kernel.card("ens1f0") as card:
        card["cable"] = True
    assert not agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert said(capsys) == ["ens1f0v0: tx_rate_max 0 -> 100"]


def test_a_transient_failure_is_tried_again_and_a_driver_that_lies_is_found_out(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 4))
    agent.reconcile_node(zk)
    with node.kernel.card("ens1f0") as card:
        card["refuse"], card["ignore"] = {"vlan": errno.EBUSY}, ["trust"]
    set_vf(zk, "ens1f0v0", vlan_id=5, trust=True)
    said(capsys)
    assert agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert said(capsys) == [
        "Warning: ens1f0v0: vlan_id 0 -> 5 failed: Device or resource busy (EBUSY)",
        "Warning: ens1f0v0: trust False -> True failed: the driver accepted it, but did not apply it",
    ]
    with node.kernel.card("ens1f0") as card:
        card["refuse"], card["ignore"] = {}, []
    assert not agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert said(capsys) == ["ens1f0v0: vlan_id 0 -> 5"]
    assert not agent.reconcile_node(zk)
    assert said(capsys) == ["ens1f0v0: trust False -> True"]
    assert agent.memory.drifted == 0


def test_a_change_behind_our_back_is_put_right_and_said_to_be_drift(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 4))
    agent.reconcile_node(zk)
    said(capsys)
    node.kernel.set_vf("ens1f0", 3, {"vlan_id": 99})
    agent.reconcile_node(zk, depth=Depth.CHANGES)
    assert said(capsys) == []
    agent.reconcile_node(zk)
    assert said(capsys) == ["ens1f0v3: vlan_id 99 -> 0 (drift: changed by another program)"]
    assert node.kernel.actual("ens1f0", 3).vlan_id == 0
    assert (agent.memory.drifted, counts(agent)[1]) == (1, 4)


def test_what_left_the_configuration_is_pruned_but_not_what_a_vm_uses(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f1")
    nfv = tree.uuid("nfv-01")
    (used,) = [vf.phy for vf in list_vfs(zk, "pvchv1") if vf.used]
    agent = node.restart(Device("ens1f1", 9000, 4))
    agent.reconcile_node(zk)
    assert [line for line in said(capsys) if "F ens1f0" in line] == [
        *(f"VF ens1f0v{index} pruned" for index in range(4) if f"ens1f0v{index}" != used),
        "PF ens1f0 left the configuration: kept, as its VFs are orphaned",
        f"VF {used} is orphaned: kept in the tree, with its settings",
    ]
    problem = f"{used} is orphaned, but used by running VM nfv-01: configure its PF again, or stop the VM"
    assert report_of(agent).pfs["ens1f0"] == PfReport(0, 0, 0, 0, 0, orphaned=1, problems=(problem,))
    agent.reconcile_node(zk, prune=True)
    assert [line for line in said(capsys) if "F ens1f0" in line] == [
        f"Warning: VF {used} pruned while in use by VM nfv-01 ({nfv})",
        "PF ens1f0 pruned",
    ]
    assert tree.client.get_children(PF) == ["ens1f1"]
    assert sorted(tree.client.get_children(VF)) == [f"ens1f1v{index}" for index in range(4)]


def test_a_vf_that_a_running_vm_has_in_its_xml_only_is_not_pruned(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f1")
    (used,) = [vf for vf in list_vfs(zk, "pvchv1") if vf.used]
    tree.put(f"{VF}/{used.phy}/used", b"False")
    tree.put(f"{VF}/{used.phy}/used_by", b"")
    node.restart(Device("ens1f1", 9000, 4)).reconcile_node(zk)
    assert used.phy in tree.client.get_children(VF)


def test_a_claimed_vf_is_not_pruned_whatever_its_vm_has_in_its_xml(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f1")
    free = next(vf for vf in list_vfs(zk, "pvchv1", "ens1f0") if not vf.used)
    (vf,) = find_vfs(zk, "pvchv1", [free.phy])
    claim(zk, vf, VmRef(tree.uuid("web-01"), "web-01"))
    node.restart(Device("ens1f1", 9000, 4)).reconcile_node(zk)
    assert free.phy in tree.client.get_children(VF)


@pytest.mark.parametrize("devices", [(), (Device("ens9f9", 9000, 4),), (Device("ens1f0", 9000, 0),)])
def test_no_slip_in_the_configuration_takes_all_that_a_node_has(
    node: Node, tree: Tree, zk: ZKHandler, devices: Sequence[Device]
) -> None:
    """An empty list is what a misspelt key leaves."""
    before = tree.dump("/nodes/pvchv1/sriov/vf")
    agent = node.restart(*devices)
    agent.reconcile_node(zk)
    agent.reconcile_node(zk)
    assert tree.dump("/nodes/pvchv1/sriov/vf") == before
    assert len([vf for vf in report_of(agent).vfs.values() if vf.state == "orphaned"]) == 8
    agent.reconcile_node(zk, prune=True)
    assert tree.client.get_children(VF) == []


@pytest.mark.parametrize(
    ("plugged", "second"),
    [
        ("ens1f0", Device("ens1fO", 9000, 4)),
        ("ens1f0np0", Device("ens1f0np0", 9000, 4)),
        ("ens1f0", Device("ens9f9", 9000, 4)),
    ],
    ids=["a typing error", "a new name", "a card that is away"],
)
def test_no_slip_among_several_cards_takes_one_of_them(
    node: Node, tree: Tree, zk: ZKHandler, plugged: str, second: Device
) -> None:
    """The other card is there, so that not all of the node's VFs are gone; and PVC deletes reports at each boot."""
    for phy in (plugged, "ens1f1"):
        node.kernel.plug_in(phy)
        node.kernel.create_vfs(phy, 4)
    set_vf(zk, "ens1f0v3", vlan_id=333, tx_rate_max=500)
    before = tree.dump(f"{VF}/ens1f0v3")
    for _ in range(2):
        agent = node.restart(Device("ens1f1", 9000, 4), second)
        for _ in range(2):
            agent.reconcile_node(zk)
    assert tree.dump(f"{VF}/ens1f0v3") == before
    assert report_of(agent).vfs["ens1f0v3"].state == "orphaned"
    # Back, as it was: with its settings.
    if plugged == "ens1f0":
        node.restart(Device("ens1f0", 9000, 4), Device("ens1f1", 9000, 4)).reconcile_node(zk)
        assert node.kernel.actual("ens1f0", 3).vlan_id == 333


def test_two_names_of_one_card_are_one_card_and_said_so(
    node: Node, bare: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0np0", "full", "ens1f0")
    agent = node.restart(Device("ens1f0", None, 2), Device("ens1f0np0", None, 4))
    agent.reconcile_node(zk)
    assert sorted(bare.client.get_children(VF)) == ["ens1f0v0", "ens1f0v1"]
    assert "Warning: ens1f0np0 is another name of ens1f0, which is configured, too: remove one of them" in said(
        capsys
    )
    assert not report_of(agent).healthy


def test_an_address_that_cannot_be_read_for_a_moment_is_kept_in_the_tree(
    node: Node, bare: Tree, zk: ZKHandler
) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 2))
    agent.reconcile_node(zk)
    before = bare.dump(f"{VF}/ens1f0v1/pci")
    with node.kernel.card("ens1f0") as card:
        for vf in card["vfs"]:
            vf["pci"] = ""
    agent.reconcile_node(zk)
    assert bare.dump(f"{VF}/ens1f0v1/pci") == before


def test_a_boot_with_fewer_vfs_destroys_no_settings(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0")
    node.kernel.create_vfs("ens1f0", 2)
    set_vf(zk, "ens1f0v3", vlan_id=333, tx_rate_max=500)
    agent = node.restart(Device("ens1f0", 9000, 4))
    agent.reconcile_node(zk)
    report = report_of(agent)
    assert {name: vf.state for name, vf in report.vfs.items() if name.startswith("ens1f0")} == {
        "ens1f0v0": "in_sync", "ens1f0v1": "in_sync", "ens1f0v2": "missing", "ens1f0v3": "missing"
    }  # fmt: skip
    assert (report.pfs["ens1f0"].wanted, report.pfs["ens1f0"].present, report.healthy) == (4, 2, False)
    node.kernel.create_vfs("ens1f0", 0)
    node.kernel.create_vfs("ens1f0", 4)
    agent.reconcile_node(zk)
    assert node.kernel.actual("ens1f0", 3).vlan_id == 333
    assert report_of(agent).healthy


def test_an_index_that_the_configuration_gave_up_is_pruned_once_the_card_has_lost_it(
    node: Node, tree: Tree, zk: ZKHandler
) -> None:
    for phy in ("ens1f0", "ens1f1"):
        node.kernel.plug_in(phy)
    node.kernel.create_vfs("ens1f0", 4)
    free = [vf.phy for vf in list_vfs(zk, "pvchv1", "ens1f0") if not vf.used]
    agent = node.restart(Device("ens1f0", 9000, 1), Device("ens1f1", 9000, 4))
    agent.reconcile_node(zk)
    assert len(tree.client.get_children(VF)) == 8
    node.kernel.create_vfs("ens1f0", 0)
    agent.reconcile_node(zk)
    left = sorted(name for name in tree.client.get_children(VF) if name.startswith("ens1f0"))
    assert left == sorted({"ens1f0v0", *({f"ens1f0v{n}" for n in range(4)} - set(free))})


@pytest.mark.parametrize("model", ["full", "netdevsim"])
def test_a_card_with_a_new_name_keeps_settings_and_claims(
    node: Node, bare: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    node.kernel.plug_in("enp1s0", model)
    node.restart(Device("enp1s0", None, 4)).reconcile_node(zk)
    if model == "netdevsim":
        with node.kernel.card("enp1s0") as card:
            for index, vf in enumerate(card["vfs"]):
                vf["mac"] = f"02:00:00:00:aa:{index:02x}"
        node.agent.reconcile_node(zk)
    set_vf(zk, "enp1s0v1", vlan_id=101, tx_rate_max=700)
    (vf,) = find_vfs(zk, "pvchv1", ["enp1s0v2"])
    claim(zk, vf, VmRef(bare.uuid("web-01"), "web-01"), mac="52:54:00:aa:bb:cc")
    node.kernel.rename("enp1s0", "ens1f0np0")
    said(capsys)
    node.restart(Device("ens1f0np0", None, 4)).reconcile_node(zk)
    same = "PCI" if model == "full" else "MAC"
    lines = said(capsys)
    assert [line for line in lines if "v1" in line] == [
        f"VF ens1f0np0v1 registered with the settings of enp1s0v1, which has the same {same} address",
        "ens1f0np0v1: vlan_id 0 -> 101",
        "ens1f0np0v1: tx_rate_max 0 -> 700",
    ][: len([line for line in lines if "v1" in line])]
    after = {vf.phy: vf for vf in list_vfs(zk, "pvchv1")}
    assert sorted(after) == [f"ens1f0np0v{index}" for index in range(4)]
    assert (after["ens1f0np0v1"].config.vlan_id, after["ens1f0np0v1"].config.tx_rate_max) == (101, 700)
    assert (after["ens1f0np0v2"].used_by, after["ens1f0np0v2"].mac) == (bare.uuid("web-01"), "52:54:00:aa:bb:cc")
    assert bare.client.get_children(PF) == ["ens1f0np0"]
    assert node.kernel.actual("ens1f0np0", 1).vlan_id == 101


def test_a_new_name_that_no_address_explains_destroys_nothing_however_often_the_agent_looks(
    node: Node, bare: Tree, zk: ZKHandler
) -> None:
    node.kernel.plug_in("eni1", "netdevsim")
    agent = node.restart(Device("eni1", None, 4))
    agent.reconcile_node(zk)
    set_vf(zk, "eni1v1", vlan_id=101)
    node.kernel.rename("eni1", "eni1np1")
    for _ in range(2):
        agent = node.restart(Device("eni1np1", None, 4))
        for _ in range(2):
            agent.reconcile_node(zk)
            Publisher("pvchv1").publish(zk, agent.lease.hold(zk), report_of(agent), 0.1)
    assert {name: vf.state for name, vf in report_of(agent).vfs.items()} == {
        **{f"eni1np1v{index}": "in_sync" for index in range(4)}, **{f"eni1v{index}": "orphaned" for index in range(4)}
    }  # fmt: skip
    agent.lease.release()
    rename_pf(zk, "pvchv1", "eni1", "eni1np1")
    node.restart(Device("eni1np1", None, 4)).reconcile_node(zk)
    assert node.kernel.actual("eni1np1", 1).vlan_id == 101
    assert bare.client.get_children(PF) == ["eni1np1"]


def test_a_card_is_found_by_another_name_of_it(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0np0", "full", "ens1f0")
    set_vf(zk, "ens1f0v1", vlan_id=101)
    agent = node.restart(Device("ens1f0", 9000, 4))
    assert not agent.reconcile_node(zk)
    assert counts(agent) == (4, 4, 0)
    assert node.kernel.actual("ens1f0np0", 1).vlan_id == 101


def test_an_answer_that_lacks_vfs_registers_nothing_and_prunes_nothing(
    node: Node, bare: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 250))
    with node.kernel.card("ens1f0") as card:
        card["reported"] = 29
    agent.reconcile_node(zk)
    assert bare.client.get_children(VF) == []
    assert "Warning: could not read ens1f0: the kernel reported 29 of 250 VFs" in said(capsys)
    assert not report_of(agent).healthy
    with node.kernel.card("ens1f0") as card:
        card["reported"] = None
    agent.reconcile_node(zk)
    assert counts(agent) == (250, 250, 0)


def test_vfs_that_are_created_again_are_set_again_and_that_is_no_drift(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0", "taciturn")
    agent = node.restart(Device("ens1f0", None, 4))
    set_vf(zk, "ens1f0v0", trust=True, vlan_id=5)
    agent.reconcile_node(zk)
    node.kernel.create_vfs("ens1f0", 0)
    agent.reconcile_node(zk)
    actual = node.kernel.actual("ens1f0", 0)
    assert (actual.trust, actual.vlan_id, agent.memory.drifted) == (True, 5, 0)


def test_a_pf_that_left_the_configuration_is_not_retried(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 4))
    with node.kernel.card("ens1f0") as card:
        card["refuse"] = {"vlan": errno.EBUSY}
    set_vf(zk, "ens1f0v0", vlan_id=5)
    assert agent.reconcile_node(zk)
    agent.config = node.restart().config
    assert not agent.reconcile_node(zk)
    assert counts(agent) == (0, 0, 0)


def test_what_the_kernel_does_not_have_is_kept_and_said_so(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    node.kernel.create_vfs("ens1f0", 2)
    agent = node.restart(Device("ens1f0", 9000, 4), Device("ens1f1", 9000, 4))
    agent.reconcile_node(zk)
    assert len(tree.client.get_children(VF)) == 8
    lines = said(capsys)
    assert "Warning: ens1f1 is configured, but this node has no such device" in lines
    assert any(line.startswith("Warning: ens1f0 has 2 VFs, but 4 are configured: not changed") for line in lines)
    assert len(node.kernel.vfs("ens1f0")) == 2
    agent.reconcile_node(zk)
    assert said(capsys) == []


def test_a_count_that_the_card_refuses_takes_nothing_away(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0", "igb")
    node.restart(Device("ens1f0", 9000, 8), Device("ens1f1", 9000, 4)).reconcile_node(zk)
    assert len(tree.client.get_children(VF)) == 8
    assert "Warning: could not create 8 VFs on ens1f0: Numerical result out of range (ERANGE)" in said(capsys)


def test_sriov_that_is_switched_off_touches_nothing(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree.dump()
    agent = node.restart(enabled=False)
    agent.reconcile_node(zk)
    agent.reconcile_node(zk)
    assert tree.dump() == before
    assert said(capsys) == ["SR-IOV is disabled: /etc/pvc/pvc.conf has sriov_enable: no; changing nothing"]


def test_a_vf_under_a_vm_keeps_its_address_and_is_known_without_a_network_device(
    node: Node, tree: Tree, zk: ZKHandler
) -> None:
    node.kernel.plug_in("ens1f0")
    node.kernel.create_vfs("ens1f0", 4)
    (vf,) = [vf for vf in list_vfs(zk, "pvchv1") if vf.used]
    agent = node.restart(Device("ens1f0", 9000, 4), Device("ens1f1", 9000, 4))
    agent.reconcile_node(zk)
    after = {found.phy: found for found in list_vfs(zk, "pvchv1")}
    assert (after[vf.phy].mac, after[vf.phy].phy_mac, after[vf.phy].used_by) == (vf.mac, vf.phy_mac, vf.used_by)
    other = next(found for found in after.values() if found.pf == "ens1f0" and not found.used)
    assert other.mac == other.phy_mac == node.kernel.vfs("ens1f0")[int(other.phy[-1])].mac
    assert str(after[vf.phy].pci) == node.kernel.vfs("ens1f0")[int(vf.phy[-1])].pci


def test_a_value_in_the_tree_that_makes_no_sense_is_left_alone_and_named(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    for name, value in (
        ("vlan_id", b"70000"),
        ("link_state", b"\x1b[2Jup"),
        ("trust", b"maybe"),
        ("tx_rate_max", b"9"),
    ):
        tree.put(f"{VF}/ens1f0v0/config/{name}", value)
    agent = node.restart(Device("ens1f0", 9000, 4))
    agent.reconcile_node(zk)
    lines = [line for line in said(capsys) if "in the tree" in line]
    assert lines == [
        f"Warning: ens1f0v0: ignored {what} in the tree: invalid; correct it with 'pvc sriov vf set pvchv1 ens1f0v0'"
        for what in ("vlan_id '70000'", "link_state '\\x1b[2Jup'", "trust 'maybe'")
    ]
    assert node.kernel.actual("ens1f0", 0) == VfConfig(0, 0, 0, 9, "auto", True, False, False)
    agent.reconcile_node(zk)
    assert said(capsys) == []


def test_an_old_schema_and_an_unknown_node_are_refused(
    node: Node, demo: Callable[..., Tree], capsys: pytest.CaptureFixture[str]
) -> None:
    tree = demo(version=0)
    node.kernel.plug_in("ens1f0")
    with ZKHandler(tree.hosts) as handler:
        with pytest.raises(SchemaError, match="SR-IOV needs schema version 1, and this cluster has 0"):
            node.restart(Device("ens1f0", None, 2)).reconcile_node(handler)
        assert not node.kernel.vfs("ens1f0")
        tree.put("/schema/version", b"1")
        node.name = "pvchv9"
        with pytest.raises(NotFoundError, match="no node 'pvchv9': did you mean 'pvchv1', 'pvchv2' or 'pvchv3'"):
            node.restart(Device("ens1f0", None, 2)).reconcile_node(handler)


def test_a_dry_run_changes_neither_tree_nor_cards(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f1")
    node.kernel.create_vfs("ens1f1", 2)
    node.kernel.plug_in("ens2f0")
    set_vf(zk, "ens1f1v0", vlan_id=5)
    before, cards = tree.dump(), [node.kernel.vfs("ens1f1"), node.kernel.vfs("ens2f0")]
    parts, actions = node.restart(Device("ens1f1", 9000, 2), Device("ens2f0", None, 2)).plan(zk)
    changes = [change for part in parts for change in part.changes]
    assert tree.dump() == before
    assert [node.kernel.vfs("ens1f1"), node.kernel.vfs("ens2f0")] == cards
    assert {change.path for change in changes if change.action == "create"} == {
        f"{PF}/ens2f0", f"{PF}/ens2f0/mtu", f"{PF}/ens2f0/vfcount"
    }  # fmt: skip
    used = {vf.phy for vf in list_vfs(zk, "pvchv1") if vf.used}
    # Not those of ens1f0: ens2f0 may be another name of it.
    assert {c.path.split("/")[5] for c in changes if c.action == "delete"} == {"ens1f1v2", "ens1f1v3"} - used
    assert [str(action) for action in actions][:6] == [
        "ens1f1: MTU 1500 -> 9000",
        "ens1f1: link up",
        "ens2f0: link up",
        "ens2f0: create 2 VFs",
        "ens1f1v0: vlan_id 0 -> 5",
        "ens1f1v0: spoof_check False -> True",
    ]


def test_a_dry_run_does_not_take_vfs_for_gone_that_it_would_create(node: Node, tree: Tree, zk: ZKHandler) -> None:
    for phy in ("ens1f0", "ens1f1"):
        node.kernel.plug_in(phy)
    changes, actions = node.restart(Device("ens1f0", 9000, 4), Device("ens1f1", 9000, 4)).plan(zk)
    assert changes == []
    # What they would be set to, too.
    assert {str(action) for action in actions} >= {"ens1f0: create 4 VFs", "ens1f0v1: spoof_check False -> True"}
    assert node.kernel.vfs("ens1f0") == []


def test_256_vfs_are_one_batch_a_level_and_a_handful_of_transactions(
    node: Node, bare: Tree, zk: ZKHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 256))
    before, commits = round_trips(zk), []
    commit = LiveStore.commit

    def counted(store: LiveStore, ops: Sequence[Op]) -> None:
        commits.append(len(ops))
        commit(store, ops)

    monkeypatch.setattr(LiveStore, "commit", counted)
    agent.reconcile_node(zk, zk.watcher())
    assert len(bare.client.get_children(VF)) == 256
    assert len(commits) <= 5
    reads = round_trips(zk) - before - len(commits)
    # The first time, the lock is three of them.
    assert reads <= 11
    print(f"256 VFs: {len(commits)} transactions, {reads} round trips to read and watch")


def test_a_vf_that_is_claimed_while_it_is_registered_keeps_its_claim(node: Node, tree: Tree, zk: ZKHandler) -> None:
    """Claim in place of the kernel's reading, between the agent's look at the tree and its writing."""
    device = Device("ens1f0", 9000, 4)
    config = node.restart(device, Device("ens1f1", 9000, 4)).config
    states = {f"ens1f0v{n}": VfState(n, f"02:00:00:00:00:0{n}", VfConfig(), "0000:99:10.0") for n in range(4)}
    cards = [Card(device, states)]
    stale = plan_registration(zk, "pvchv1", config, cards)
    (vf,) = find_vfs(zk, "pvchv1", ["ens1f0v2"])
    claim(zk, vf, VmRef(tree.uuid("web-01"), "web-01"), mac="52:54:00:aa:bb:cc")
    (part,) = [p for p in stale.parts if any("ens1f0v2/pci" in op.path for op in p.ops)]
    with pytest.raises(CommitConflictError):
        part.commit()
    plan_registration(zk, "pvchv1", config, cards).commit()
    (after,) = read_vfs(zk, [vf])
    assert (after.mac, after.used, after.pci.bus) == ("52:54:00:aa:bb:cc", True, "99")


def test_a_refused_mtu_leaves_no_pf_down_and_shows(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    with node.kernel.card("ens1f0") as card:
        card["refuse"] = {"mtu": errno.EINVAL}
    agent = node.restart(Device("ens1f0", 9000, 4))
    agent.reconcile_node(zk)
    state = node.kernel.pf("ens1f0")
    assert state
    assert (state.up, state.mtu) == (True, 1500)
    report = report_of(agent)
    assert report.pfs["ens1f0"].problems == ("could not set MTU 9000 on ens1f0: Invalid argument (EINVAL)",)
    assert (report.healthy, report.health_delta) == (False, 25)
    # What the PF does not have is not asked of its VFs.
    assert {vf.mtu for vf in node.kernel.vfs("ens1f0")} == {1500}


def test_network_devices_of_vfs_have_the_mtu_that_is_configured(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", 9000, 4))
    agent.reconcile_node(zk)
    assert {vf.mtu for vf in node.kernel.vfs("ens1f0")} == {9000}
    with node.kernel.card("ens1f0") as card:
        card["vfs"][1]["mtu"], card["vfs"][2]["mtu"] = 1500, None
        card["refuse"] = {"vf_mtu": errno.EPERM}
    agent.reconcile_node(zk)
    assert report_of(agent).vfs["ens1f0v1"].refused == {"mtu": "Operation not permitted (EPERM)"}
    # One that is given to a VM has none here.
    assert report_of(agent).vfs["ens1f0v2"].state == "in_sync"


@pytest.mark.parametrize("model", ["full", "igb"])
def test_a_minimum_rate_that_a_driver_lacks_leaves_no_vf_without_a_limit(
    node: Node, tree: Tree, zk: ZKHandler, model: str
) -> None:
    node.kernel.plug_in("ens1f0", model)
    agent = node.restart(Device("ens1f0", None, 4))
    set_vf(zk, "ens1f0v0", tx_rate_min=100, tx_rate_max=1000)
    agent.reconcile_node(zk)
    actual = node.kernel.actual("ens1f0", 0)
    assert (actual.tx_rate_min, actual.tx_rate_max) == (100 if model == "full" else 0, 1000)
    refused = {} if model == "full" else {"tx_rate_min": "Invalid argument (EINVAL)"}
    assert report_of(agent).vfs["ens1f0v0"].refused == refused
    # Somebody takes the limit away: it is put right at the next look, refused or not.
    node.kernel.set_vf("ens1f0", 0, {"tx_rate_min": 0, "tx_rate_max": 0})
    agent.reconcile_node(zk, depth=Depth.CARDS)
    assert node.kernel.actual("ens1f0", 0).tx_rate_max == 1000
    assert agent.memory.drifted == 1


def test_a_service_tag_is_drift_though_its_number_is_right(
    node: Node, tree: Tree, zk: ZKHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 4))
    set_vf(zk, "ens1f0v0", vlan_id=5)
    agent.reconcile_node(zk)
    said(capsys)
    with node.kernel.card("ens1f0") as card:
        card["vfs"][0]["service_tag"] = True
    agent.reconcile_node(zk, depth=Depth.CARDS)
    assert said(capsys) == ["ens1f0v0: VLAN tag 802.1ad -> 802.1Q (drift: changed by another program)"]
    assert not node.kernel.vfs("ens1f0")[0].service_tag


def test_two_vfs_with_one_address_are_named(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0")
    node.kernel.create_vfs("ens1f0", 4)
    with node.kernel.card("ens1f0") as card:
        for index in (1, 3):
            card["vfs"][index]["admin_mac"] = "52:54:00:00:00:01"
    agent = node.restart(Device("ens1f0", None, 4))
    agent.reconcile_node(zk)
    (problem,) = report_of(agent).pfs["ens1f0"].problems
    assert problem.startswith("ens1f0v1 and ens1f0v3 have the same MAC address 52:54:00:00:00:01")


def test_a_boolean_that_pvc_does_not_take_for_on_is_not_set_and_shows(node: Node, tree: Tree, zk: ZKHandler) -> None:
    """PVC's daemon takes true for off: whoever set it on would fight with the daemon for ever."""
    node.kernel.plug_in("ens1f0")
    tree.put(f"{VF}/ens1f0v0/config/trust", b"true")
    agent = node.restart(Device("ens1f0", None, 4))
    agent.reconcile_node(zk)
    assert node.kernel.actual("ens1f0", 0).trust is False
    assert report_of(agent).vfs["ens1f0v0"].refused == {"trust": "'true' in the tree is invalid"}


def test_before_schema_version_9_nothing_is_published(
    node: Node, demo: Callable[..., Tree], capsys: pytest.CaptureFixture[str]
) -> None:
    tree = demo(version=8)
    node.kernel.plug_in("ens1f0")
    with ZKHandler(tree.hosts) as handler:
        agent = node.restart(Device("ens1f0", None, 4))
        agent.reconcile_node(handler)
        before = tree.dump()
        Publisher("pvchv1").publish(handler, agent.lease.hold(handler), report_of(agent), 0.1)
        assert tree.dump() == before


def test_a_report_of_250_vfs_is_far_below_what_a_znode_may_hold(node: Node, bare: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0", "igb250")
    agent = node.restart(Device("ens1f0", None, 250))
    agent.reconcile_node(zk)
    fine = len(format_report(report_of(agent)))
    change_settings(
        zk, find_vfs(zk, "pvchv1", ["ens1f0v*"]), check_settings({"link_state": "enable", "tx_rate_min": 9})
    )
    agent.reconcile_node(zk)
    assert counts(agent) == (250, 0, 500)
    bad = len(format_report(report_of(agent)))
    print(f"250 VFs: {fine} bytes in sync, {bad} bytes with two settings refused each")
    assert fine < 25_000
    assert bad < 100_000


def test_a_first_report_needs_no_time_and_one_without_news_is_not_written(
    node: Node, tree: Tree, zk: ZKHandler
) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", None, 4))
    agent.reconcile_node(zk)
    publisher, lock = Publisher("pvchv1"), agent.lease.hold(zk)
    path = "/nodes/pvchv1/monitoring_data/sriov/data"
    publisher.publish(zk, lock, report_of(agent, 5.0, 30.0), 0.1)
    publisher.publish(zk, lock, report_of(agent, 5.0, 30.0), 0.1)
    assert tree.client.get(path)[1].version == 0
    set_vf(zk, "ens1f0v0", vlan_id=3)
    agent.reconcile_node(zk)
    publisher.publish(zk, lock, report_of(agent, 5.0, 30.0), 0.1)
    assert tree.client.get(path)[1].version == 1
    # Another agent took the lock: this one writes nothing more.
    for name in tree.client.get_children("/nodes/pvchv1/sriov"):
        if "__lock__" in name:
            tree.client.delete(f"/nodes/pvchv1/sriov/{name}")
    publisher.publish(zk, lock, report_of(agent, 6.0, 30.0), 0.1)
    assert tree.client.get(path)[1].version == 1


def test_who_takes_a_link_down_is_left_some_time_for_it(node: Node, tree: Tree, zk: ZKHandler) -> None:
    node.kernel.plug_in("ens1f0")
    agent = node.restart(Device("ens1f0", 9000, 4))
    agent.reconcile_node(zk)
    with node.kernel.card("ens1f0") as card:
        card["up"] = False
    agent.reconcile_node(zk, depth=Depth.CARDS)
    state = node.kernel.pf("ens1f0")
    assert state
    assert not state.up
    assert report_of(agent).healthy
    agent.reconcile_node(zk, depth=Depth.TREE)
    state = node.kernel.pf("ens1f0")
    assert state
    assert state.up
