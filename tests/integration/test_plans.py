"""Plans as files: exactly what was planned is done, or nothing where its base has changed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pvc_cli.cluster import planned
from pvc_cli.zk import Znode
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
    *said, last, error = result.err.splitlines()
    assert last == "Nothing was changed: a plan is not begun unless all of it can be done."
    assert json.loads(error)["error"] == {
        "code": 5,
        "kind": "conflict",
        "message": said[-1].removeprefix("Error: "),
        "hint": "plan again",
    }
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
    text = Path(plan).read_text().replace(tree.hosts, "hv9:2181/pvc")
    mark = json.loads(text)["cluster_id"]
    for other_mark in ('"1-1"', "null"):
        Path(plan).write_text(text.replace(f'"{mark}"', other_mark))
        other = on_tree("apply", plan)
        assert (other.code, "the plan is for the cluster hv9:2181/pvc" in other.err) == (1, True)


def test_a_cluster_is_the_same_however_its_servers_are_spelled(on_tree: Pvc, pvc: Pvc, tree: Tree, plan: str) -> None:
    on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan)
    other = tree.hosts.replace("127.0.0.1", "LOCALHOST")
    assert other != tree.hosts
    assert pvc("--coordinators", other, "apply", plan).code == 0
    undone = on_tree("undo", "last")
    assert (undone.code, "web-01: undone." in undone.err) == (0, True)


def test_another_cluster_at_the_same_address_is_not_the_one_that_was_planned_on(
    on_tree: Pvc, tree: Tree, plan: str
) -> None:
    on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan)
    on_tree("vm", "tag", "add", "web-02", "green")
    entry = on_tree("history", "list", "-o", "name").out.split()[0]
    version = tree.client.get("/schema/version")[0]
    tree.client.delete("/schema/version")
    tree.client.create("/schema/version", version)
    before = tree.dump()
    result = on_tree("apply", plan)
    assert (result.code, tree.dump()) == (1, before)
    assert f"the plan is for another cluster that was at {tree.hosts} then: plan again" in result.err
    undone = on_tree("undo", entry)
    assert (undone.code, f"{entry} changed another cluster" in undone.err, tree.dump()) == (1, True, before)


def test_a_plan_for_a_backup_is_for_that_file_from_wherever_it_is_applied(
    on_tree: Pvc, plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        on_tree("cluster", "backup", str(tmp_path / folder / "trial.json"))
    monkeypatch.chdir(tmp_path / "one")
    at = ("--write", "-c", "file:trial.json")
    assert on_tree(*at, "vm", "tag", "add", "web-01", "blue", "--plan", plan).code == 0
    monkeypatch.chdir(tmp_path / "two")
    before = Path("trial.json").read_bytes()
    result = on_tree(*at, "apply", plan)
    assert (result.code, Path("trial.json").read_bytes()) == (1, before)
    assert f"the plan is for the cluster file:{tmp_path}/one/trial.json, not for file:{tmp_path}/two/" in result.err
    assert on_tree("--write", "-c", "file:../one/trial.json", "apply", plan).code == 0


def rename(tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}", b"db-01")


def start(tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"start")


def move(tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/node", b"pvchv3")


def tag(tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/tags/backup", b"backup")


def untag(tree: Tree) -> None:
    tree.client.delete(f"/domains/{tree.uuid('web-01')}/tags/spare", recursive=True)


def define(tree: Tree) -> None:
    path = f"/domains/{tree.uuid('web-01')}/xml"
    tree.put(path, tree.client.get(path)[0] + b"\n")


def swap_networks(tree: Tree) -> None:
    one, other = (tree.client.get(f"/networks/{vni}")[0] for vni in ("2001", "1002"))
    tree.put("/networks/2001", other)
    tree.put("/networks/1002", one)


@pytest.mark.parametrize(
    ("words", "rival", "what"),
    [
        ("--network Lab --name web-01 old", swap_networks, "the description of network 2001"),
        ("web-01 old", rename, "the VM itself"),
        ("-s stop old", start, "state"),
        ("-s !start --name web-01 old", start, "state"),
        ("-t pvchv1 --name web-01 old", move, "node"),
        ("-g !backup --name web-01 old", tag, "tag backup"),
        ("-g !back* --name web-01 old", tag, "the list of its tags"),
        ("--without-tag backup --name web-01 old", tag, "tag backup"),
        ("-n -g backup --name web-01 old", tag, "tag backup"),
        ("-g spare old", untag, "tag spare"),
        ("-g spa* old", untag, "tag spare"),
        ("--min-memory 1 --name web-01 old", define, "xml"),
    ],
)
def test_a_plan_is_refused_where_what_selected_a_vm_has_changed(
    on_tree: Pvc, tree: Tree, plan: str, words: str, rival: Callable[[Tree], None], what: str
) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"stop")
    tree.put(f"/domains/{tree.uuid('web-01')}/node", b"pvchv1")
    on_tree("vm", "tag", "add", "web-01", "old", "spare")
    planned = on_tree("vm", "tag", "remove", *words.split(), "--plan", plan)
    assert (planned.code, "web-01" in planned.out) == (0, True)
    assert on_tree("apply", plan, "--dry-run").code == 0
    rival(tree)
    before = tree.dump()
    result = on_tree("apply", plan)
    assert (result.code, tree.dump()) == (5, before)
    assert f"Error: web-01: refused: {what} changed since this was planned: plan again\n" in result.err


def test_a_plan_for_a_backup_is_refused_where_a_vm_got_a_tag_that_it_was_selected_without(
    on_tree: Pvc, plan: str, tmp_path: Path
) -> None:
    file = tmp_path / "trial.json"
    on_tree("cluster", "backup", str(file))
    at = ("--write", "-c", f"file:{file}")
    planned = on_tree(*at, "vm", "tag", "add", "-g", "!gold*", "--name", "web-01", "reboot", "--plan", plan)
    assert (planned.code, "web-01" in planned.out) == (0, True)
    assert on_tree(*at, "apply", plan, "--dry-run").code == 0
    assert on_tree(*at, "vm", "tag", "add", "web-01", "golden").code == 0
    before = file.read_bytes()
    assert (on_tree(*at, "apply", plan).code, file.read_bytes()) == (5, before)


def test_a_plan_does_not_mind_what_did_not_select_its_vms(on_tree: Pvc, tree: Tree, plan: str) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"stop")
    on_tree("vm", "tag", "add", "web-01", "old")
    on_tree("vm", "tag", "remove", "-s", "stop", "old", "--plan", plan)
    tag(tree)
    move(tree)
    define(tree)
    swap_networks(tree)
    assert on_tree("apply", plan).code == 0
    assert not tree.client.exists(f"/domains/{tree.uuid('web-01')}/tags/old")


def test_a_plan_by_the_vni_of_a_network_does_not_mind_its_description(on_tree: Pvc, tree: Tree, plan: str) -> None:
    on_tree("vm", "tag", "add", "--network", "2001", "blue", "--plan", plan)
    swap_networks(tree)
    assert on_tree("apply", plan).code == 0
    assert "blue" in on_tree("vm", "tag", "list", "web-01", "-o", "name").out


def test_a_description_that_several_networks_have_names_none_of_them(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/networks/1002", tree.client.get("/networks/1001")[0])
    before = tree.dump()
    result = on_tree("vm", "tag", "add", "--network", "Frontend", "blue")
    assert (result.code, tree.dump()) == (1, before)
    assert result.err == "Error: 2 networks are called 'Frontend': use one of the VNIs 1001, 1002\n"


def test_what_selected_a_vm_is_guarded_in_the_transaction_itself(
    on_tree: Pvc, tree: Tree, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A VM that starts after its plan was judged is noticed by the servers."""
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"stop")
    on_tree("vm", "tag", "add", "web-01", "old")
    on_tree("vm", "tag", "remove", "-s", "stop", "old", "--plan", plan)
    calls = iter(range(10))

    def judge_then_start(part: WrittenPart, now: Mapping[str, Znode | None]) -> str | None:
        found = judge(part, now)
        if next(calls) == 1:
            start(tree)
        return found

    monkeypatch.setattr(planned, "judge", judge_then_start)
    result = on_tree("apply", plan)
    assert (result.code, tree.client.get(f"/domains/{tree.uuid('web-01')}/tags/old")[0]) == (5, b"old")


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
    assert (result.code, result.err) == (
        3, f"Error: {plan} is not a plan: write one with --plan, or use -f for a file of desired state\n",
    )  # fmt: skip


def test_a_plan_that_was_cut_is_said_to_be(on_tree: Pvc, plan: str) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan).code == 0
    whole = Path(plan).read_text()
    for length in (20, 300, len(whole) - 2):
        Path(plan).write_text(whole[:length])
        result = on_tree("apply", plan)
        assert (result.code, result.err) == (
            3, f"Error: {plan} is cut off: the rest is missing; copy it again, or plan again\n"
        )  # fmt: skip


def test_a_plan_given_as_desired_state_is_known_as_a_plan(on_tree: Pvc, plan: str) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan).code == 0
    result = on_tree("apply", "-f", plan)
    assert (result.code, result.err) == (3, f"Error: {plan} is a plan: drop -f to carry it out\n")


@pytest.mark.parametrize(
    ("words", "action"),
    [("cluster maintenance on", "set"), ("vm tag remove web-01 production", "delete")],
)
def test_a_step_on_what_was_not_there_is_no_plan(
    on_tree: Pvc, tree: Tree, plan: str, words: str, action: str
) -> None:
    on_tree(*words.split(), "--plan", plan)
    document = json.loads(Path(plan).read_text())
    (item,) = document["items"]
    path = next(step["path"] for step in item["steps"] if step["action"] == action)
    item["base"][path] = None
    Path(plan).write_text(json.dumps(document))
    before = tree.dump()
    result = on_tree("apply", plan)
    assert (result.code, result.err, tree.dump()) == (
        3, f"Error: {plan} is not a plan: write one with --plan, or use -f for a file of desired state\n", before
    )  # fmt: skip


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
    uuid, queue = tree.uuid("web-01"), f"{'0' * 32}__lock__0000000001"
    tree.put(f"/domains/{uuid}/strange", b"False")
    for path in (
        "/schema/version",
        "/strange",
        f"/domains/{uuid}/strange",
        f"/config/primary_node/sync_lock/{queue}",
        f"/domains/{uuid}/tags/{queue}",
    ):
        Path(plan).write_text(text.replace("/config/maintenance", path))
        result = on_tree("apply", plan)
        assert (result.code, f"the plan changes {path}, which no plan may" in result.err) == (3, True)


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


@pytest.mark.parametrize("words", ["vm start web-01", "vm tag remove -g nope old", "cluster maintenance off"])
@pytest.mark.parametrize("style", ["table", "json"])
def test_a_plan_of_nothing_is_written_and_does_nothing(
    on_tree: Pvc, tree: Tree, plan: str, words: str, style: str
) -> None:
    """A script goes on to apply it."""
    result = on_tree(*words.split(), "--plan", plan)
    assert (result.code, f"Nothing would be changed: the plan in {plan} does nothing.\n" in result.err) == (0, True)
    before = tree.dump()
    result = on_tree("apply", plan, "-o", style)
    assert result.code == 0
    assert result.err == (f"{plan} changes nothing.\n" if style == "table" else "")
    assert result.out == "" if style == "table" else json.loads(result.out)["items"] == []
    assert tree.dump() == before


@pytest.fixture
def backup(on_tree: Pvc, tmp_path: Path) -> str:
    """A backup of the demo cluster."""
    file = str(tmp_path / "backup.json")
    assert on_tree("cluster", "backup", file).code == 0
    return file


def test_a_plan_creates_a_vm_and_deletes_it_again(on_tree: Pvc, tree: Tree, plan: str, backup: str) -> None:
    uuid = tree.uuid("web-01")
    tree.client.delete(f"/domains/{uuid}", recursive=True)
    before = tree.dump()
    assert on_tree("cluster", "restore", backup, "--vm", "web-01", "--plan", plan).code == 0
    assert (on_tree("apply", plan, "--dry-run").code, tree.dump()) == (0, before)
    applied = on_tree("apply", plan)
    assert (applied.code, "web-01: done as planned.\n" in applied.err) == (0, True)
    assert tree.client.get(f"/domains/{uuid}/state")[0] == b"stop"
    entry = on_tree("history", "list", "-o", "name").out.split()[0]
    assert on_tree("undo", entry, "--plan", plan, "--overwrite").code == 0
    undone = on_tree("apply", plan)
    assert (undone.code, "web-01: done as planned.\n" in undone.err, tree.dump()) == (0, True, before)


def test_a_planned_deletion_of_a_vm_stops_at_a_lock_that_is_held(
    on_tree: Pvc, tree: Tree, plan: str, backup: str
) -> None:
    uuid = tree.uuid("web-01")
    tree.client.delete(f"/domains/{uuid}", recursive=True)
    assert on_tree("cluster", "restore", backup, "--vm", "web-01").code == 0
    assert on_tree("undo", "last", "--plan", plan).code == 0
    with tree.client.Lock(f"/domains/{uuid}/state"):
        before = tree.dump()
        result = on_tree("apply", plan)
        assert (result.code, f"/domains/{uuid}/state has new children" in result.err) == (5, True)
        assert tree.dump() == before
    assert (on_tree("apply", plan).code, tree.client.exists(f"/domains/{uuid}")) == (0, None)


@pytest.mark.parametrize(
    "words",
    [
        "vm migrate web-02",
        "vm tag remove web-01 nope",
        "sriov vf release pvchv1 ens1f0v0,ens1f0v1",
        "vm meta set web-01,web-02 --limit nope",
    ],
)
def test_no_plan_is_written_where_all_was_refused(on_tree: Pvc, tree: Tree, plan: str, words: str) -> None:
    """Applied, it would change nothing and succeed."""
    tree.put(f"/domains/{tree.uuid('web-02')}/last_node", b"pvchv3")
    result = on_tree(*words.split(), "--plan", plan)
    assert (result.code, Path(plan).exists()) == (1, False)


def test_a_plan_for_a_vm_is_not_for_another_one_that_took_its_place(on_tree: Pvc, tree: Tree, plan: str) -> None:
    path = f"/domains/{tree.uuid('web-01')}"
    values = tree.dump(path)
    on_tree("vm", "tag", "add", "web-01", "blue", "--plan", plan)
    tree.client.delete(path, recursive=True)
    for at, value in sorted(values.items()):
        tree.client.create(at, value)
    result = on_tree("apply", plan)
    assert (result.code, tree.dump(path)) == (5, values)
    assert "web-01: refused: the VM itself changed since this was planned" in result.err
