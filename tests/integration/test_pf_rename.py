"""`pvc sriov pf rename`: a card has a new name, and its VFs keep what people gave them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pvc_cli.zk import ZKHandler
from tests.agent.conftest import set_vf
from tests.conftest import Pvc, Tree

PF = "/nodes/pvchv1/sriov/pf"
VF = "/nodes/pvchv1/sriov/vf"


def below(tree: Tree, name: str) -> dict[str, bytes]:
    """What is below a VF, by the path from there."""
    return {path.removeprefix(f"{VF}/{name}"): value for path, value in tree.dump(f"{VF}/{name}").items()}


def test_all_that_the_tree_has_of_a_pf_moves(on_tree: Pvc, tree: Tree, zk: ZKHandler) -> None:
    set_vf(zk, "ens1f0v1", vlan_id=101, tx_rate_max=500)
    before = {index: below(tree, f"ens1f0v{index}") for index in range(4)}
    pf = tree.client.get(f"{PF}/ens1f0/vfcount")[0]
    result = on_tree("sriov", "pf", "rename", "pvchv1", "ens1f0", "ens1f0np0")
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[-1] == "pvchv1/ens1f0: renamed to ens1f0np0, with 4 VFs."
    assert sorted(tree.client.get_children(PF)) == ["ens1f0np0", "ens1f1"]
    assert tree.client.get(f"{PF}/ens1f0np0/vfcount")[0] == pf
    for index in range(4):
        assert below(tree, f"ens1f0np0v{index}") == {**before[index], "/pf": b"ens1f0np0"}
    assert "ens1f0v1" not in tree.client.get_children(VF)


def test_vms_that_name_the_old_ones_are_named(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree("sriov", "pf", "rename", "pvchv1", "ens1f0", "ens1f0np0", "-o", "json")
    document = json.loads(result.out)
    assert document["vfs"][2] == {"phy": "ens1f0v2", "to": "ens1f0np0v2"}
    assert [vm["name"] for vm in document["vms"]] == ["nfv-01"]
    assert "Warning: VM nfv-01 has a VF of ens1f0 in its XML: change it to ens1f0np0\n" in result.err


def test_vfs_that_the_agent_has_registered_take_over_the_settings(on_tree: Pvc, tree: Tree, zk: ZKHandler) -> None:
    """The card had its new name first: settings and claims go to the VFs that are there now."""
    set_vf(zk, "ens1f0v1", vlan_id=101)
    mac = tree.client.get(f"{VF}/ens1f1v1/mac")[0]
    user = below(tree, "ens1f0v0")["/used_by"]
    result = on_tree("sriov", "pf", "rename", "pvchv1", "ens1f0", "ens1f1")
    assert result.code == 0
    assert tree.client.get_children(PF) == ["ens1f1"]
    after = below(tree, "ens1f1v1")
    assert (after["/config/vlan_id"], after["/mac"], after["/pf"]) == (b"101", mac, b"ens1f1")
    assert below(tree, "ens1f1v0")["/used_by"] == user


def test_a_vf_in_use_under_the_new_name_is_not_overwritten(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"{VF}/ens1f1v3/used", b"True")
    before = tree.dump()
    result = on_tree("sriov", "pf", "rename", "pvchv1", "ens1f0", "ens1f1")
    assert result.code == 1
    assert "VF ens1f1v3 of node pvchv1 is in use: release it first" in result.err
    assert tree.dump() == before


def test_a_dry_run_shows_it_and_changes_nothing(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("sriov", "pf", "rename", "pvchv1", "ens1f0", "ens1f0np0", "--dry-run", "-o", "json")
    changes = json.loads(result.out)["changes"]
    assert {"action": "create", "path": f"{VF}/ens1f0np0v0/pf", "value": "ens1f0np0"} in changes
    assert {"action": "delete", "path": f"{PF}/ens1f0"} in changes
    assert tree.dump() == before


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("ens1f0", "ens1f0", 2, "is both the old and the new name"),
        ("ens1f0", "a/b", 2, "invalid name 'a/b'"),
        ("ens1f0", "", 2, "invalid name ''"),
        ("ens1f0", "x" * 16, 2, "invalid name"),
        ("ens9", "ens8", 1, "node pvchv1 has no PF 'ens9'"),
    ],
)
def test_what_cannot_be_renamed_is_one_line(on_tree: Pvc, old: str, new: str, code: int, said: str) -> None:
    result = on_tree("sriov", "pf", "rename", "pvchv1", old, new)
    assert (result.code, result.out, said in result.err) == (code, "", True), result.err


def test_a_schema_without_sriov_is_said_so(pvc: Pvc, demo: Callable[..., Tree]) -> None:
    result = pvc("--coordinators", demo(version=0).hosts, "sriov", "pf", "rename", "pvchv1", "ens1f0", "ens8")
    assert (result.code, result.out) == (1, "")
    assert "SR-IOV needs schema version 1, and this cluster has 0" in result.err
