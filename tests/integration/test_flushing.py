"""`pvc node flush`: never the last node that is ready, and what becomes of the VMs is known before."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, changes_between

LAST = "no other node is ready, so that PVC would shut its VMs down; override with --force"


def state_of(tree: Tree, node: str) -> bytes:
    data: bytes = tree.client.get(f"/nodes/{node}/domainstate")[0]
    return data


def test_the_last_nodes_are_not_flushed_together_without_force(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    for options in ([], ["--dry-run"]):
        refused = on_tree("node", "flush", "pvchv2", "pvchv3", "pvchv1", *options)
        assert (refused.code, tree.dump()) == (1, before)
        assert f"Error: 3 refused: {LAST} (pvchv2, pvchv3, pvchv1)\n" in refused.err
    assert on_tree("node", "flush", "pvchv2,pvchv3,pvchv1", "--force").code == 0
    assert changes_between(before, tree.dump()) == {
        f"/nodes/{node}/domainstate": b"flush" for node in ("pvchv1", "pvchv2", "pvchv3")
    }


def test_the_last_ready_node_is_not_flushed_after_the_others(on_tree: Pvc, tree: Tree) -> None:
    with ZKHandler(tree.hosts) as handler:
        make_trouble(handler)
    assert on_tree("node", "flush", "pvchv1").code == 0
    refused = on_tree("node", "flush", "pvchv2")
    assert (refused.code, refused.err) == (
        1,
        f"Error: pvchv2: refused: {LAST}\n",
    )
    assert state_of(tree, "pvchv2") == b"ready"
    again = on_tree("node", "flush", "pvchv1", "pvchv2")
    assert (again.code, "pvchv1: unchanged: already requested" in again.err) == (1, True)


def test_a_node_is_flushed_only_while_the_one_that_is_left_is_ready(
    on_tree: Pvc, tree: Tree, tmp_path: object
) -> None:
    tree.put("/nodes/pvchv3/daemonstate", b"stop")
    plan = f"{tmp_path}/flush.plan"
    assert on_tree("node", "flush", "pvchv2", "--plan", plan).code == 0
    tree.put("/nodes/pvchv1/domainstate", b"flush")
    refused = on_tree("apply", plan)
    assert (refused.code, state_of(tree, "pvchv2")) == (5, b"ready")
    assert "pvchv2: refused: state.domain changed since this was planned" in refused.err


@pytest.fixture
def on_node(on_tree: Pvc, tree: Tree) -> Callable[..., list[str]]:
    """Return the names of VMs that run on a node."""

    def names(node: str) -> list[str]:
        return on_tree("vm", "list", "-t", node, "-s", "start", "-o", "name").out.split()

    return names


def test_a_dry_run_tells_what_becomes_of_the_vms(on_tree: Pvc, tree: Tree, on_node: Callable[..., list[str]]) -> None:
    vms = on_node("pvchv2")
    bound, back, *_ = vms
    tree.put(f"/domains/{tree.uuid(bound)}/node_limit", b"pvchv2")
    tree.put("/nodes/pvchv1/domainstate", b"flushed")
    tree.put(f"/domains/{tree.uuid(back)}/lastnode", b"pvchv3")
    before = tree.dump()
    dry = on_tree("node", "flush", "pvchv2", "--dry-run")
    assert (dry.code, dry.out, tree.dump()) == (0, "would change node pvchv2: state.domain ready -> flush\n", before)
    assert dry.err.splitlines() == [
        f"pvchv2: {len(vms) - 2} running VMs would migrate.",
        f"pvchv2: PVC would shut down {bound}, {back}: no other node may take them.",
    ]
    tree.put("/nodes/pvchv3/memfree", b"1")
    crowded = on_tree("node", "flush", "pvchv2", "--dry-run", "-v", "-o", "json")
    assert json.loads(crowded.out)["counts"]["changed"] == 1
    assert f"pvchv2: not enough free memory elsewhere for {', '.join(vms[2:])}." in crowded.err.splitlines()


def test_a_dry_run_tells_nothing_of_nodes_that_flush_already_or_cannot(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv1/domainstate", b"flushed")
    tree.put("/nodes/pvchv2/daemonstate", b"stop")
    assert "would migrate" not in on_tree("node", "flush", "pvchv1,pvchv2", "--dry-run").err
