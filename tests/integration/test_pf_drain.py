"""`pvc sriov pf drain` shows who uses a PF's VFs, and waits until nobody does."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from tests.conftest import Pvc, Tree
from tests.integration.test_claims import use

DRAIN = ("sriov", "pf", "drain", "pvchv1")
VF = "/nodes/pvchv1/sriov/vf/ens1f0v0"


def test_a_dry_run_shows_who_uses_it_and_changes_nothing(on_tree: Pvc, tree: Tree) -> None:
    use(tree, "web-01", "ens1f0v1", node="pvchv1")
    stopped = use(tree, "web-02", "ens1f0v2", node="pvchv1")
    tree.put(f"/domains/{stopped}/state", b"stop")
    before = tree.dump()
    result = on_tree(*DRAIN, "ens1f0", "--dry-run", "-o", "json")
    document = json.loads(result.out)
    assert (result.code, document["drained"]) == (0, False)
    found = {one["vf"]: (one["name"], one["claimed"], one["in_xml"], one["blocks"]) for one in document["users"]}
    assert found == {
        "ens1f0v0": ("nfv-01", True, True, True),
        "ens1f0v1": ("web-01", False, True, True),
        "ens1f0v2": ("web-02", False, True, False),
    }
    assert on_tree(*DRAIN, "ens1f0", "--dry-run", "-o", "name").out.split() == ["nfv-01", "web-01"]
    assert on_tree(*DRAIN, "ens1f0", "--dry-run").err == "pvchv1/ens1f0: would wait for 2 VMs.\n"
    assert tree.dump() == before


def test_a_claim_by_a_vm_of_another_node_shows_where_that_is(on_tree: Pvc, tree: Tree) -> None:
    web = tree.uuid("web-02")
    tree.put(f"/domains/{web}/state", b"shutdown")
    tree.put(f"/domains/{web}/node", b"pvchv2")
    for vf, user in (("ens1f0v1", web), ("ens1f0v2", "5d0e8e8c-0000-4000-8000-000000000000")):
        tree.put(f"/nodes/pvchv1/sriov/vf/{vf}/used", b"True")
        tree.put(f"/nodes/pvchv1/sriov/vf/{vf}/used_by", user.encode())
    result = on_tree(*DRAIN, "ens1f0", "--dry-run", "--columns", "vf,vm,state,node")
    assert [line.split() for line in result.out.splitlines()[1:]] == [
        ["ens1f0v0", "nfv-01", "start", "pvchv1"],
        ["ens1f0v1", "web-02", "shutdown", "pvchv2"],
        ["ens1f0v2", "5d0e8e8c-0000-4000-8000-000000000000", "?", "?"],
    ]


def test_it_ends_once_nobody_uses_it(on_tree: Pvc, tree: Tree) -> None:
    nfv = tree.uuid("nfv-01")

    def give_up() -> None:
        time.sleep(1)
        tree.client.set(f"/domains/{nfv}/state", b"stop")
        tree.client.set(f"{VF}/used", b"False")
        tree.client.set(f"{VF}/used_by", b"")

    thread = threading.Thread(target=give_up)
    thread.start()
    result = on_tree(*DRAIN, "ens1f0", "--wait-timeout", "30")
    thread.join()
    assert result.code == 0
    assert result.err == "Waiting 30 s for nfv-01.\npvchv1/ens1f0: nobody uses its VFs.\n"
    assert on_tree(*DRAIN, "ens1f1", "--wait-timeout", "0").code == 0


def test_it_says_again_and_again_whom_it_waits_for_and_how_long(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvc_cli.cluster.sriov.draining._REMIND", 1.0)
    result = on_tree(*DRAIN, "ens1f0", "--wait-timeout", "3")
    assert (result.code, result.out.count("nfv-01")) == (1, 1)
    first, second, *_ = re.findall("^Waiting ([0-9]+) s for nfv-01[.]$", result.err, re.MULTILINE)
    assert (first, int(second) < 3) == ("3", True)


def test_when_the_time_is_over_it_says_who_is_left(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree(*DRAIN, "ens1f0", "--wait-timeout", "0.2")
    assert result.code == 1
    assert "pvchv1/ens1f0: still used by VM nfv-01 after 0.2 s: stop or move them" in result.err
    # A claim alone keeps it, too, and so does a VM with an unreadable XML.
    nfv = tree.uuid("nfv-01")
    tree.put(f"/domains/{nfv}/state", b"stop")
    assert on_tree(*DRAIN, "ens1f0", "--wait-timeout", "0").code == 1
    tree.put(f"{VF}/used", b"False")
    assert on_tree(*DRAIN, "ens1f0", "--wait-timeout", "0").code == 0
    tree.put(f"/domains/{nfv}/xml", b"<broken")
    tree.put(f"/domains/{nfv}/state", b"start")
    assert on_tree(*DRAIN, "ens1f0", "--wait-timeout", "0").code == 1
    assert on_tree(*DRAIN, "ens9").code == 1
