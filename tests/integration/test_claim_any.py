"""`pvc sriov vf claim NODE --any VM` takes a VF that nobody uses, and that fits."""

from __future__ import annotations

import json
import time

import pytest

from pvc_cli.cluster.sriov.usage import Usage
from pvc_cli.zk.transaction import Transaction
from tests.conftest import Pvc, Tree
from tests.integration.test_claims import use
from tests.integration.test_vf_reports import BAD, publish

VFS = "/nodes/pvchv1/sriov/vf"
ANY = ("sriov", "vf", "claim", "pvchv1", "--any")


def claimed(on_tree: Pvc, *arguments: str) -> str:
    result = on_tree(*ANY, *arguments, "-o", "json")
    assert result.code == 0, result.err
    (document,) = json.loads(result.out)["items"]
    assert (document["node"], document["status"]) == ("pvchv1", "changed")
    return str(document["phy"])


def test_the_first_that_is_free_is_taken(on_tree: Pvc, tree: Tree) -> None:
    # ens1f0v0 is claimed; v1 is in the XML of a running VM, v2 in that of a stopped one.
    use(tree, "web-01", "ens1f0v1", node="pvchv1")
    stopped = use(tree, "web-02", "ens1f0v2", node="pvchv1")
    tree.put(f"/domains/{stopped}/state", b"stop")
    assert claimed(on_tree, "app-01") == "ens1f0v3"
    assert tree.client.get(f"{VFS}/ens1f0v3/used_by")[0].decode() == tree.uuid("app-01")
    assert claimed(on_tree, "app-02") == "ens1f1v0"
    # Once more is not one more; what it has in its XML comes first.
    result = on_tree(*ANY, "app-01")
    assert (result.code, result.err.splitlines()[-1]) == (0, "pvchv1/ens1f0v3: unchanged.")
    assert claimed(on_tree, "web-02") == "ens1f0v2"


def test_what_cannot_be_told_is_refused_without_advice_that_is_refused_too(on_tree: Pvc, tree: Tree) -> None:
    broken = use(tree, "web-01", "ens1f0v1", node="pvchv1")
    tree.put(f"/domains/{broken}/xml", b"<domain")
    result = on_tree(*ANY, "app-01")
    assert (result.code, result.err) == (
        1,
        "Error: cannot tell whether a VF of node pvchv1 is free: the XML of VM web-01, which is in state start there,"
        " is unreadable: repair it, or claim a VF by name with --force\n",
    )
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v2", "app-01").code == 1
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v2", "app-01", "--force").code == 0


def test_a_pf_and_trust_may_be_asked_for(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"{VFS}/ens1f1v2/config/trust", b"True")
    assert claimed(on_tree, "--trust", "app-01") == "ens1f1v2"
    assert claimed(on_tree, "--pf", "ens1f1", "app-02") == "ens1f1v0"
    before = tree.dump()
    result = on_tree(*ANY, "--trust", "web-01")
    assert result.code == 1
    assert result.err == (
        "Error: node pvchv1 has no free VF for VM web-01: 3 in use, 5 without trust; see 'pvc sriov vf list pvchv1'\n"
    )
    assert on_tree(*ANY, "--pf", "ens9", "web-01").code == 1
    assert on_tree(*ANY, "--dry-run", "web-01").code == 0
    assert tree.dump() == before


def test_what_the_agent_reports_as_not_in_sync_is_not_taken(on_tree: Pvc, tree: Tree) -> None:
    publish(tree, "pvchv1", vfs=BAD)
    taken = [claimed(on_tree, vm) for vm in ("app-01", "app-02", "web-01")]
    assert taken == ["ens1f0v3", "ens1f1v0", "ens1f1v1"]
    result = on_tree(*ANY, "web-02")
    assert result.code == 1
    assert "web-02: 4 in use, 4 not in sync; see " in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("pvchv1", "ens1f0v1", "web-01", "--any"),
        ("web-01", "--any"),
        ("pvchv1", "--any", "web-01", "--force"),
        ("pvchv1", "ens1f0v1", "web-01", "--pf", "ens1f0"),
        ("pvchv1", "ens1f0v1", "web-01", "--trust"),
        ("pvchv1", "web-01"),
        ("pvchv1/ens1f0v1/x", "web-01"),
        (),
    ],
)
def test_what_says_two_things_or_too_little_is_a_usage_error(
    on_tree: Pvc, tree: Tree, words: tuple[str, ...]
) -> None:
    before = tree.dump()
    result = on_tree("sriov", "vf", "claim", *words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert tree.dump() == before


def test_trust_that_is_gone_when_it_is_written_is_not_claimed(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ens1f1v2", "ens1f1v3"):
        tree.put(f"{VFS}/{name}/config/trust", b"True")
    plan = Usage.plan_claim

    def late(usage: Usage, *arguments: object, **options: object) -> Transaction:
        tree.client.set(f"{VFS}/ens1f1v2/config/trust", b"False")
        return plan(usage, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Usage, "plan_claim", late)
    assert claimed(on_tree, "--trust", "app-01") == "ens1f1v3"
    assert tree.client.get(f"{VFS}/ens1f1v2/used")[0] == b"False"


def test_where_it_cannot_be_told_who_uses_a_vf_none_is_taken(on_tree: Pvc, tree: Tree) -> None:
    uuid = use(tree, "web-01", "ens1f0v1", node="pvchv1")
    tree.put(f"/domains/{uuid}/xml", b"<broken")
    tree.put(f"/domains/{uuid}/state", b"start")
    started = time.monotonic()
    result = on_tree(*ANY, "app-01")
    assert result.code == 1
    assert "cannot tell whether " in result.err
    assert time.monotonic() - started < 5
