"""Plans as files: exactly what was planned is done, or nothing where its base has changed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.cluster import planned
from pvc_cli.zk.written import WrittenPart, judge
from tests.conftest import Pvc, Tree, changes_between

VF = "/nodes/pvchv1/sriov/vf/ens1f0v1"


@pytest.fixture
def plan(tmp_path: Path) -> str:
    return str(tmp_path / "change.plan")


@pytest.mark.parametrize(
    "words",
    [
        "vm tag add web-01,web-02 blue -p",
        "vm tag remove --all production",
        "vm tag rename staging test",
        "vm stop web-01",
        "vm move lab-01 -t pvchv3",
        "vm meta set web-01 --limit pvchv1,pvchv2",
        "sriov vf set pvchv1 ens1f0v1,ens1f0v2 --vlan-id 7",
        "sriov vf claim pvchv1 ens1f0v3 web-01 --type hostdev",
        "sriov vf release pvchv1 ens1f0v0 --force",
        "sriov pf rename pvchv1 ens1f0 ens1f0np0",
        "node flush pvchv2",
        "cluster maintenance on",
        "key set base.config.migration_target_selector load",
    ],
)
def test_a_plan_does_later_what_the_command_does_now(on_tree: Pvc, tree: Tree, plan: str, words: str) -> None:
    before = tree.dump()
    assert on_tree(*words.split(), "--plan", plan).code == 0
    assert tree.dump() == before
    assert stat.S_IMODE(Path(plan).stat().st_mode) == 0o600
    wanted = json.loads(on_tree(*words.split(), "--dry-run", "-o", "json").out)["changes"]
    shown = on_tree("apply", plan, "--dry-run", "--paths")
    assert (shown.code, tree.dump() == before) == (0, True)
    assert len(shown.out.splitlines()) == len(wanted)
    result = on_tree("apply", plan)
    assert (result.code, result.out) == (0, "")
    touched = changes_between(before, tree.dump()).keys()
    assert touched == {change["path"] for change in wanted}
    again = on_tree("apply", plan)
    assert (again.code, again.err) == (0, f"Nothing to do: all of {plan} is done already.\n")
    undone = on_tree("undo", "last")
    if not {"stop", "move", "flush"} & set(words.split()):
        assert (undone.code, tree.dump()) == (0, before)


def test_a_plan_whose_base_has_changed_is_refused_by_name_and_nothing_is_done(
    on_tree: Pvc, tree: Tree, plan: str
) -> None:
    on_tree("vm", "tag", "remove", "--all", "production", "--plan", plan)
    tree.put(f"/domains/{tree.uuid('web-02')}/tags/production/protected", b"True")
    before = tree.dump()
    result = on_tree("apply", plan, "-o", "json")
    assert (result.code, tree.dump()) == (5, before)
    assert result.err.endswith("Nothing was changed: a plan is done as a whole, or not at all.\n")
    assert "Error: web-02: refused: tag production protected changed since this was planned: plan again" in result.err
    document = json.loads(result.out)
    assert [item["name"] for item in document["items"] if item["status"] == "refused"] == ["web-02"]
    assert document["counts"]["changed"] == 0


def test_a_znode_that_was_made_anew_is_not_the_one_that_was_planned_on(on_tree: Pvc, tree: Tree, plan: str) -> None:
    on_tree("cluster", "maintenance", "on", "--plan", plan)
    tree.client.delete("/config/maintenance")
    tree.client.create("/config/maintenance", b"False")
    result = on_tree("apply", plan)
    assert (result.code, tree.client.get("/config/maintenance")[0]) == (5, b"False")
    assert "cluster: refused: config.maintenance changed since" in result.err


def test_what_was_only_judged_on_counts_too(on_tree: Pvc, tree: Tree, plan: str) -> None:
    on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v1", "--tx-min", "10", "--plan", plan)
    tree.put(f"{VF}/config/tx_rate_max", b"5")
    assert on_tree("apply", plan).code == 5
    assert tree.client.get(f"{VF}/config/tx_rate_min")[0] == b"0"


def test_a_plan_is_for_one_cluster_and_one_schema_version(
    on_tree: Pvc, tree: Tree, plan: str, demo: Callable[..., Tree], pvc: Callable[..., Pvc]
) -> None:
    on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan)
    tree.put("/schema/version", b"15")
    again = on_tree("apply", plan)
    assert (again.code, "the schema version was set again since this was planned" in again.err) == (5, True)
    Path(plan).write_text(Path(plan).read_text().replace(tree.hosts, "hv9:2181/pvc"))
    other = on_tree("apply", plan)
    assert (other.code, "the plan is for the cluster hv9:2181/pvc" in other.err) == (1, True)


def test_a_plan_replaces_no_file_unasked(on_tree: Pvc, plan: str) -> None:
    Path(plan).write_text("mine")
    refused = on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan)
    assert (refused.code, Path(plan).read_text()) == (1, "mine")
    Path(plan).chmod(0o644)
    assert on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan, "--overwrite").code == 0
    assert stat.S_IMODE(Path(plan).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", '{"pvc_plan": 2}',
        '{"pvc_plan": 1, "cluster": "a", "schema": {"version": 15, "znode_version": 0, "czxid": 1}, "user": "u",'
        ' "time": 1, "command": [], "items": [{"name": "x", "base": {},'
        ' "steps": [{"action": "delete", "path": "/x"}]}]}',
    ],
)  # fmt: skip
def test_what_is_not_a_plan_is_refused(on_tree: Pvc, plan: str, text: str) -> None:
    Path(plan).write_text(text)
    result = on_tree("apply", plan)
    assert (result.code, result.err) == (2, f"Error: {plan} is not a plan: write one with --plan\n")


def test_what_is_planned_again_under_its_lock_has_no_plan_file(on_tree: Pvc, plan: str) -> None:
    for words in ("schema rollback --to 14 --force", "schema apply", "vm disable web-01"):
        result = on_tree(*words.split(), "--plan", plan)
        assert result.code in (1, 2)
        assert not Path(plan).exists()


def test_a_plan_never_sets_the_schema_version_nor_touches_what_is_not_pvcs(
    on_tree: Pvc, tree: Tree, plan: str
) -> None:
    on_tree("cluster", "maintenance", "on", "--plan", plan)
    text = Path(plan).read_text()
    tree.put("/strange", b"False")
    for path in ("/schema/version", "/strange"):
        Path(plan).write_text(text.replace("/config/maintenance", path))
        result = on_tree("apply", plan)
        assert (result.code, f"the plan changes {path}, which no plan may" in result.err) == (2, True)


@pytest.mark.parametrize("guarded", [True, False])
def test_a_rivals_new_znode_is_overwritten_only_without_the_judging(
    on_tree: Pvc, tree: Tree, plan: str, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """The control: with the judging taken out, the rival's value is lost."""
    on_tree("key", "set", "base.config.migration_target_selector", "load", "--plan", plan)
    path = "/config/migration_target_selector"
    tree.client.delete(path)
    tree.client.create(path, b"vms")
    if not guarded:
        monkeypatch.setattr(planned, "judge", _approve)
    result = on_tree("apply", plan)
    assert (tree.client.get(path)[0] == b"vms", result.code) == ((True, 5) if guarded else (False, 0))


def _approve(part: WrittenPart, now: object) -> str | None:
    assert judge is not None
    return None


def test_a_plan_of_nothing_is_not_written(on_tree: Pvc, plan: str) -> None:
    result = on_tree("vm", "start", "web-02", "--plan", plan)
    assert "Nothing would be changed: no plan written.\n" in result.err
    assert not Path(plan).exists()
