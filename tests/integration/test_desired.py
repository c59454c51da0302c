"""A file of desired state: what it names becomes so, all else stays; what it cannot mean is refused with its line."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.cluster.desired.matching import match_state
from pvc_cli.cluster.desired.model import Wish
from pvc_cli.cluster.desired.plans import plan_state
from pvc_cli.cluster.desired.reading import read_state
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, changes_between
from tests.integration.test_denied import NOBODY, READ_ONLY, deny
from tests.integration.test_kills import Driver, plant

VF = "/nodes/pvchv1/sriov/vf/ens1f0v0/config"


def vms(*entries: str) -> str:
    """A file with entries for VMs, one a line."""
    return "version: 1\nvms:\n" + "".join(f"- {entry}\n" for entry in entries)


def vfs(*entries: str, profiles: str = "{}") -> str:
    """A file with entries for VFs, one a line."""
    return f"version: 1\nvf_profiles: {profiles}\nvfs:\n" + "".join(f"- {entry}\n" for entry in entries)


def test_only_what_the_file_names_is_changed(on_tree: Pvc, tree: Tree) -> None:
    web = f"/domains/{tree.uuid('web-01')}"
    text = vms(
        "{vm: web-01, tags: [blue, {name: keep, type: system, protected: true}],"
        " metadata: {node_limit: [pvchv1, pvchv3], node_autostart: true, profile: large}}"
    ) + vfs("{node: pvchv1, vf: ens1f0v0, config: {vlan_id: 7, trust: true}}").replace("version: 1\n", "")
    before = tree.dump()
    assert on_tree("apply", "-f", "-", "--dry-run", stdin=text).code == 0
    assert tree.dump() == before
    result = on_tree("apply", "-f", "-", stdin=text)
    assert (result.code, result.out) == (0, "")
    assert changes_between(before, tree.dump()) == {
        f"{web}/tags/blue": b"blue",
        f"{web}/tags/blue/type": b"user",
        f"{web}/tags/blue/protected": b"False",
        f"{web}/tags/keep": b"keep",
        f"{web}/tags/keep/type": b"system",
        f"{web}/tags/keep/protected": b"True",
        f"{web}/node_limit": b"pvchv1,pvchv3",
        f"{web}/node_autostart": b"True",
        f"{web}/profile": b"large",
        f"{VF}/vlan_id": b"7",
        f"{VF}/trust": b"True",
    }
    again = on_tree("apply", "-f", "-", stdin=text)
    assert (again.code, again.err) == (
        0,
        "Nothing to change by standard input: 1 VM and 1 VF are as it says.\n",
    )
    assert on_tree("undo", "last").code == 0
    assert tree.dump() == before


def test_what_a_tag_does_not_say_stays(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "blue", "--type", "system", "-p").code == 0
    before = tree.dump()
    result = on_tree("apply", "-f", "-", stdin=vms("{vm: web-01, tags: [blue]}"))
    assert (result.code, tree.dump()) == (0, before)
    refused = on_tree("apply", "-f", "-", stdin=vms("{vm: web-0*, tags: [{name: blue, type: user}]}"))
    assert refused.code == 1
    assert (
        "Error: web-01: refused: tag 'blue': it is a system tag; use --force to make it a user tag\n" in refused.err
    )
    assert "web-02: changed: + tag blue.\n" in refused.err
    forced = on_tree("apply", "-f", "-", "--force", stdin=vms("{vm: web-01, tags: [{name: blue, type: user}]}"))
    assert (forced.code, forced.err) == (0, "web-01: changed: ~ tag blue.\n")
    assert tree.client.get(f"/domains/{tree.uuid('web-01')}/tags/blue/protected")[0] == b"True"


def test_pruning_takes_what_the_file_does_not_list_but_nothing_protected(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "mine", "-p").code == 0
    assert on_tree("vm", "tag", "add", "web-01", "theirs", "--type", "system").code == 0
    text = vms("{vm: web-01, tags: [blue]}", "{vm: web-02, metadata: {node_autostart: true}}")
    assert on_tree("apply", "-f", "-", stdin=text).code == 0
    full = tree.dump()
    tags = f"/domains/{tree.uuid('web-01')}/tags"
    result = on_tree("apply", "-f", "-", "--prune", stdin=text)
    assert result.code == 0
    assert (
        "web-01: changed: - tag frontend, - tag production; kept without --force: mine (protected), theirs"
        in result.err
    )
    assert set(tree.client.get_children(tags)) == {"blue", "mine", "theirs"}
    assert all(path.startswith(tags) for path in changes_between(full, tree.dump()))
    again = on_tree("apply", "-f", "-", "--prune", stdin=text)
    assert again.err == (
        "Kept without --force: mine (protected), theirs (a system tag) of web-01.\n"
        "Nothing to change by standard input: 2 VMs are as it says.\n"
    )
    assert on_tree("apply", "-f", "-", "--prune", "--force", stdin=text).code == 0
    assert tree.client.get_children(tags) == ["blue"]
    assert on_tree("apply", "-f", "-", "--prune", stdin=vms("{vm: web-01, tags: []}")).code == 0
    assert tree.client.get_children(tags) == []


def test_an_entry_by_name_overrides_those_by_pattern(on_tree: Pvc, tree: Tree) -> None:
    text = vms(
        f"{{vm: {tree.uuid('web-02').upper()}, tags: [{{name: blue, protected: true}}]}}",
        "{vm: web-01, tags: [{name: blue, protected: true}], metadata: {node_autostart: false}}",
        "{vm: web-*, tags: [{name: blue, protected: false}, red], metadata: {node_autostart: true}}",
        "{vm: [web-02, app-*], tags: [red]}",
    )
    assert on_tree("apply", "-f", "-", stdin=text).code == 0
    tags = {tag["name"]: tag for tag in json.loads(on_tree("vm", "tag", "list", "web-01", "-o", "json").out)["tags"]}
    assert (tags["blue"]["protected"], "red" in tags) == (True, True)
    assert tree.client.get(f"/domains/{tree.uuid('web-02')}/tags/blue/protected")[0] == b"True"
    assert tree.client.get(f"/domains/{tree.uuid('web-01')}/node_autostart")[0] == b"False"
    assert tree.client.get(f"/domains/{tree.uuid('web-02')}/node_autostart")[0] == b"True"


def test_a_profile_is_a_default_of_its_entries(on_tree: Pvc, tree: Tree) -> None:
    text = vfs(
        "{node: [pvchv1, 'pvchv[2]'], vf: 'ens1f0v[0-1]', profile: fast, config: {tx_rate_max: 50}}",
        "{node: pvchv1, vf: ens1f0v0, config: {vlan_id: 8}}",
        profiles="{fast: {vlan_id: 7, tx_rate_max: 100}}",
    )
    before = tree.dump()
    assert on_tree("apply", "-f", "-", stdin=text).code == 0
    found = changes_between(before, tree.dump())
    assert found[f"{VF}/vlan_id"] == b"8"
    for vf in ("pvchv1/sriov/vf/ens1f0v1", "pvchv2/sriov/vf/ens1f0v0", "pvchv2/sriov/vf/ens1f0v1"):
        assert found[f"/nodes/{vf}/config/vlan_id"] == b"7"
        assert found[f"/nodes/{vf}/config/tx_rate_max"] == b"50"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (vms("{vm: nope-*, tags: [a]}"), 1, "line 3: no VM matches 'nope-*': see 'pvc vm list'"),
        (vms("{vm: web-01, tags: [a]}", "{vm: wob-01, tags: [a]}"), 1, "line 4: there is no VM 'wob-01': did"),
        (
            vms("{vm: web-*, metadata: {node_autostart: true}}", "{vm: '*-01', metadata: {node_autostart: false}}"),
            1,
            "line 4: web-01: node_autostart is false here, and true in line 3: make both alike",
        ),
        (
            vms("{vm: web-*, tags: [{name: x, type: user}]}", "{vm: '*-01', tags: [{name: x, type: system}]}"),
            1,
            "line 4: web-01: type of tag 'x' is system here, and user in line 3",
        ),
        (vms("{vm: web-01, metadata: {node_limit: [pvchv9]}}"), 1, "line 3: there is no node 'pvchv9': did you mean"),
        (vms("{vm: web-01, tags: ['a b']}"), 3, "line 3: 'a b' is not a plain tag"),
        (vfs("{node: nope, vf: ens1f0v0, config: {vlan_id: 1}}"), 1, "line 4: there is no node 'nope': see"),
        (vfs("{node: pvchv1, vf: 'x*', config: {vlan_id: 1}}"), 1, "line 4: no VF of node pvchv1 matches 'x*': see"),
        (vfs("{node: pvchv1, vf: x, config: {vlan_id: 1}}"), 1, "line 4: there is no VF 'x' of node pvchv1: see"),
        (
            vfs("{node: '*', vf: '*', config: {vlan_id: 1}}", "{node: '*', vf: ens1f0v0, config: {vlan_id: 2}}"),
            1,
            "line 5: pvchv1/ens1f0v0: vlan_id is 2 here, and 1 in line 4",
        ),
        (
            vfs("{node: p*1, vf: e*1f0v0, config: {tx_rate_min: 9}}", "{node: p*, vf: e*, config: {tx_rate_max: 5}}"),
            1,
            "line 4: VF ens1f0v0 of node pvchv1: the minimum rate would be 9 Mbit/s, above the maximum of 5",
        ),
    ],
)  # fmt: skip
def test_what_the_file_cannot_mean_is_refused_before_anything_is_written(
    on_tree: Pvc, tree: Tree, text: str, code: int, said: str
) -> None:
    before = tree.dump()
    result = on_tree("apply", "-f", "-", stdin=text)
    assert (result.code, result.out, tree.dump()) == (code, "", before)
    assert result.err.startswith(f"Error: standard input, {said}")
    assert result.err.count("\n") == 1


def test_what_would_break_a_vm_is_refused_by_name(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("apply", "-f", "-", stdin=vms("{vm: '*', metadata: {migration_method: live}}"))
    assert result.code == 1
    assert "refused: a VM with a passed-through device cannot migrate live\n" in result.err
    changed = changes_between(before, tree.dump())
    assert set(changed.values()) == {b"live"}
    assert on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v0", "--tx-max", "100").code == 0
    rates = on_tree("apply", "-f", "-", stdin=vfs("{node: pvchv1, vf: ens1f0v*, config: {tx_rate_min: 200}}"))
    assert rates.code == 1
    assert "Error: pvchv1/ens1f0v0: refused: the minimum rate of VF ens1f0v0 on node pvchv1 would be 200" in rates.err
    assert "pvchv1/ens1f0v1: changed: tx_rate_min 0 -> 200.\n" in rates.err


@pytest.mark.parametrize(
    ("version", "text", "said"),
    [
        (2, vms("{vm: web-01, tags: [a]}"), "line 3: tags need schema version 3"),
        (12, vms("{vm: web-01, metadata: {migration_max_downtime: 1}}"), "line 3: migration_max_downtime needs"),
        (0, vfs("{node: pvchv1, vf: ens1f0v0, config: {vlan_id: 1}}"), "line 4: SR-IOV needs schema version 1"),
    ],
)
def test_what_an_older_schema_lacks_is_refused(
    demo: Callable[..., Tree], pvc: Pvc, version: int, text: str, said: str
) -> None:
    tree = demo(version=version)
    before = tree.dump()
    result = pvc("--coordinators", tree.hosts, "apply", "-f", "-", stdin=text)
    assert (result.code, tree.dump()) == (1, before)
    assert result.err.startswith(f"Error: standard input, {said}")
    exported = pvc("--coordinators", tree.hosts, "export")
    assert exported.code == 0
    assert pvc("--coordinators", tree.hosts, "apply", "-f", "-", stdin=exported.out).err.startswith(
        "Nothing to change"
    )


@pytest.mark.parametrize("style", ["yaml", "json"])
def test_what_is_exported_is_applied_without_a_change(on_tree: Pvc, tree: Tree, style: str) -> None:
    odd = ("1e3", "on", "010", "null", "12:30", "ä", "a b", "$(id)", "~", "- x", "#1", "'", '"')
    assert on_tree("vm", "tag", "add", "web-01", *odd[:6]).code == 0
    assert on_tree("vm", "tag", "add", "web-02", "--force-name", "--", *odd).code == 0
    tree.put(f"/domains/{tree.uuid('web-02')}/node_autostart", b"yes")
    tree.put(f"/domains/{tree.uuid('web-02')}/node_limit", b"pvchv1, gone")
    tree.put(f"/domains/{tree.uuid('app-01')}", b"app-02")
    before = tree.dump()
    exported = on_tree("export", "-o", style)
    assert exported.code == 0
    result = on_tree("apply", "-f", "-", "--prune", "--force", stdin=exported.out)
    assert (result.code, tree.dump()) == (0, before), result.err
    assert result.err.startswith("Nothing to change by standard input: 20 VMs and ")


def test_what_is_exported_brings_another_tree_in_line(on_tree: Pvc, tree: Tree) -> None:
    exported = on_tree("export").out
    wanted = tree.dump()
    for words in (
        ("vm", "tag", "remove", "--all", "production", "--force", "--if-exists"),
        ("vm", "tag", "add", "--all", "wrong"),
        ("vm", "meta", "set", "--all", "--autostart", "--limit", "pvchv2", "--profile", "x"),
        ("sriov", "vf", "set", "pvchv1", "ens1f0v*", "--vlan-id", "99", "--trust"),
    ):
        assert on_tree(*words).code == 0
    assert tree.dump() != wanted
    assert on_tree("apply", "-f", "-", "--prune", stdin=exported).code == 0
    assert tree.dump() == wanted


def test_an_export_of_a_selection_has_those_vms_and_no_vfs(on_tree: Pvc) -> None:
    document = json.loads(on_tree("export", "web-01,web-02", "-o", "json").out)
    assert [entry["vm"] for entry in document["vms"]] == ["web-01", "web-02"]
    assert document.keys() == {"version", "vms"}
    staging = json.loads(on_tree("export", "-g", "production", "-o", "json").out)
    assert all("production" in [tag["name"] for tag in entry["tags"]] for entry in staging["vms"])
    nothing = on_tree("export", "-g", "nope")
    assert nothing.err == "Nothing to export: no VM has a tag 'nope': see 'pvc vm tag list'.\n"
    assert on_tree("export", "web-01", "-g", "production").code == 2


def test_a_result_for_programs_says_what_became_of_each(on_tree: Pvc) -> None:
    text = vms("{vm: web-0*, tags: [production]}", "{vm: app-01, tags: [blue]}")
    dry = json.loads(on_tree("apply", "-f", "-", "--dry-run", "-o", "json", stdin=text).out)
    real = json.loads(on_tree("apply", "-f", "-", "-o", "json", stdin=text).out)
    assert dry["items"] == real["items"]
    assert real["counts"] == {"changed": 1, "unchanged": len(real["items"]) - 1, "refused": 0, "failed": 0}
    (changed,) = [item for item in real["items"] if item["status"] == "changed"]
    assert (changed["name"], len(changed["changes"])) == ("app-01", 3)
    again = on_tree("apply", "-f", "-", "-o", "json", stdin=text)
    assert (again.code, json.loads(again.out)["counts"]["changed"]) == (0, 0)


def test_a_vm_that_is_renamed_or_deleted_meanwhile_is_refused(tree: Tree, zk: ZKHandler) -> None:
    state = read_state(vms("{vm: [web-0*, app-01], tags: [blue]}"), "s.yaml")
    wishes: list[Wish] = match_state(zk, state)
    tree.client.set(f"/domains/{tree.uuid('web-01')}", b"db-99")
    tree.client.delete(f"/domains/{tree.uuid('web-02')}", recursive=True)
    steps = {step.name: (step.status, step.detail) for step in plan_state()(zk, wishes)}
    assert steps["web-01"] == ("refused", "the VM is called 'db-99' by now; run the same command again")
    assert steps["web-02"] == ("refused", "the VM no longer exists")
    assert steps["app-01"] == ("changed", "changed: + tag blue")


def test_a_tag_that_came_after_the_file_was_compared_is_not_pruned(tree: Tree, zk: ZKHandler) -> None:
    wishes = match_state(zk, read_state(vms("{vm: web-01, tags: []}"), "s.yaml"), prune=True)
    tree.put(f"/domains/{tree.uuid('web-01')}/tags/late", b"late")
    (step,) = plan_state()(zk, wishes)
    step.transaction.commit()
    assert tree.client.get_children(f"/domains/{tree.uuid('web-01')}/tags") == ["late"]


@pytest.mark.parametrize("acl", [NOBODY, READ_ONLY], ids=["unreadable", "read-only"])
def test_a_vm_that_may_not_be_changed_stops_no_other(on_tree: Pvc, tree: Tree, acl: list[object]) -> None:
    deny(tree, "web-01", acl, but=f"/domains/{tree.uuid('web-01')}")
    text = vms("{vm: [web-*, app-01], tags: [blue]}", "{vm: web-01, metadata: {node_autostart: true}}")
    for expected in ("changed", "unchanged"):
        result = on_tree("apply", "-f", "-", "--prune", "-o", "json", stdin=text)
        assert result.code == 1
        found = {item["name"]: item["status"] for item in json.loads(result.out)["items"]}
        assert found == {"web-01": "failed", "web-02": expected, "app-01": expected}
        assert "web-01: failed: ZooKeeper denied access to /domains/" in result.err


def test_a_file_is_read_from_where_it_is(on_tree: Pvc, tmp_path: Path) -> None:
    file = tmp_path / "state.yaml"
    file.write_bytes(b"version: 1\nvms:\n- vm: web-\xff\n")
    assert (
        on_tree("apply", "-f", str(file)).err == f"Error: {file}, line 3 is not UTF-8 text: save the file as UTF-8\n"
    )
    file.write_text("version: 1\n")
    assert on_tree("apply", "-f", str(file)).err == f"Nothing to change by {file}: it names no VM and no VF.\n"
    assert on_tree("apply", "-f", str(tmp_path / "nope")).code == 3
    assert on_tree("apply").code == 2


def test_the_page_shows_what_is_so(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "desired-state.md").read_text()
    file = tmp_path / "state.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    assert on_tree("apply", "-f", str(file)).code == 0
    assert on_tree("apply", "-f", str(file)).err == f"Nothing to change by {file}: 20 VMs and 6 VFs are as it says.\n"
    web = [json.loads(on_tree("vm", "info", name, "-o", "json").out) for name in ("web-01", "web-02")]
    assert [vm["node_limit"] for vm in web] == [["pvchv1", "pvchv2"], None]
    assert all({"managed", "production"} <= {tag["name"] for tag in vm["tags"]} for vm in web)
    vfs = {
        vf["node"] + vf["phy"]: vf["config"] for vf in json.loads(on_tree("sriov", "vf", "list", "-o", "json").out)
    }
    assert (vfs["pvchv1ens1f0v0"]["vlan_id"], vfs["pvchv1ens1f0v1"]["vlan_id"]) == (102, 101)
    wrong = file.read_text().replace("node_autostart: true", "node_autostart: yes")
    said = on_tree("apply", "-f", "-", stdin=wrong).err
    assert said.partition(": ")[2].partition(", ")[2].partition(": ")[2] in page


def test_vfs_alone_are_applied_and_exported(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    exported = on_tree("sriov", "vf", "export", "pvchv1", "ens1f0v*")
    assert on_tree("sriov", "vf", "set", "pvchv1", "ens1f0v*", "--vlan-id", "99", "--trust").code == 0
    text = exported.out + "vms:\n- {vm: web-01, tags: [blue]}\n"
    result = on_tree("sriov", "vf", "apply", "-f", "-", stdin=text)
    assert (result.code, tree.dump()) == (0, before)
    assert result.err.startswith("Left alone: the VMs of standard input; 'pvc apply' sets them, too.\n")
    whole = json.loads(on_tree("sriov", "vf", "export", "-o", "json").out)
    assert len(whole["vfs"]) == len(json.loads(on_tree("sriov", "vf", "list", "-o", "json").out))
    assert on_tree("sriov", "vf", "export", "nope").code == 1


@pytest.mark.parametrize("moment", ["during", "after"])
def test_a_run_that_is_killed_at_any_transaction_is_finished_by_a_second_one(
    server: Ensemble, empty: Tree, tmp_path: Path, moment: str
) -> None:
    file = tmp_path / "state.yaml"
    text = vms("{vm: 'app-*', tags: [{name: blue, protected: true}], metadata: {node_autostart: true}}")
    file.write_text(text + vfs("{node: pvchv1, vf: ens1f*, config: {vlan_id: 7}}").replace("version: 1\n", ""))
    driver = Driver("1", "apply", "-f", str(file), "--prune")
    name = empty.hosts.partition("/")[2]

    def ending(root: str) -> dict[str, bytes]:
        empty.client.chroot = root
        return empty.dump()

    plant(server, f"/{name}-whole", version=15)
    assert driver.run(f"{server.hosts}/{name}-whole") == 0
    undisturbed = ending(f"/{name}-whole")
    for number in itertools.count(1):
        root = f"/{name}-{moment}-{number}"
        plant(server, root, version=15)
        status = driver.run(server.hosts + root, number, moment)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        assert driver.run(server.hosts + root) == 0
        assert ending(root) == undisturbed
    driver.close()
    assert number > 10


def test_what_a_file_cannot_say_is_left_out_of_an_export_with_a_warning(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/tags/bell\u202e", b"bell")
    tree.put(f"/domains/{tree.uuid('web-02')}/node_selector", b"fastest")
    result = on_tree("export", "web-01", "web-02")
    assert "bell" not in result.out
    assert result.err.splitlines() == [
        "Warning: web-01: tag 'bell\\u202e' does not print, and is left out",
        "Warning: web-02: node_selector 'fastest' is not valid, and left out",
    ]


def test_what_pvc_cannot_read_or_find_is_not_exported_so_that_applying_changes_nothing(
    on_tree: Pvc, tree: Tree
) -> None:
    web, app = (f"/domains/{tree.uuid(name)}" for name in ("web-02", "app-01"))
    tree.put(f"{web}/node_autostart", b"")
    tree.put(f"{web}/migration_max_downtime", b"soon")
    tree.put(f"{web}/migration_method", b"")
    for key in ("profile", "node_limit", "node_autostart"):
        tree.client.delete(f"{app}/{key}")
    before = tree.dump()
    exported = on_tree("export")
    assert exported.err.splitlines() == [
        "Warning: web-02: node_autostart '' is not valid, and left out",
        "Warning: web-02: migration_max_downtime 'soon' is not valid, and left out",
    ]
    for words in (("--dry-run",), ()):
        result = on_tree("apply", "-f", "-", *words, stdin=exported.out)
        assert (result.code, tree.dump()) == (0, before)
        assert result.err.startswith("Nothing to change")


@pytest.mark.parametrize(
    ("key", "value", "warning"),
    [
        ("{tag}/protected", b"maybe", "protected 'maybe' is not valid, and left out"),
        ("{tag}/protected", b"", "protected '' is not valid, and left out"),
        ("{tag}/protected", None, ""),
        ("{tag}/protected", b"1", ""),
        ("{tag}/type", b"mine", "type 'mine' is not valid, and left out"),
        ("{tag}/type", None, ""),
        (f"{VF}/vlan_id", b"none", "vlan_id 'none' is not valid, and left out"),
        (f"{VF}/vlan_id", b"4095", "vlan_id '4095' is not valid, and left out"),
        (f"{VF}/vlan_id", b"007", ""),
        (f"{VF}/vlan_qos", None, ""),
        (f"{VF}/link_state", b"up", "link_state 'up' is not valid, and left out"),
        (f"{VF}/link_state", b"", "link_state '' is not valid, and left out"),
        (f"{VF}/trust", b"true", "trust 'true' is not valid, and left out"),
        (f"{VF}/tx_rate_min", b"99999", "tx_rate_min '99999' is above tx_rate_max '1000', and both are left out"),
        ("/domains/{web}/migration_max_downtime", b"-1", "migration_max_downtime '-1' is not valid, and left out"),
    ],
)
def test_an_odd_value_is_left_out_of_an_export_by_name_and_applying_it_changes_nothing(
    on_tree: Pvc, tree: Tree, key: str, value: bytes | None, warning: str
) -> None:
    web = tree.uuid("web-01")
    tree.put(f"{VF}/tx_rate_max", b"1000")
    path = key.format(tag=f"/domains/{web}/tags/production", web=web)
    if value is None:
        tree.client.delete(path)
    else:
        tree.put(path, value)
    before = tree.dump()
    exported = on_tree("export")
    whose = "pvchv1/ens1f0v0: " if key.startswith(VF) else "web-01: "
    whose += "tag 'production': " if "{tag}" in key else ""
    assert exported.err == (f"Warning: {whose}{warning}\n" if warning else "")
    result = on_tree("apply", "-f", "-", stdin=exported.out)
    assert (result.code, tree.dump()) == (0, before), result.err
    assert result.err.startswith("Nothing to change")


def test_what_a_file_says_of_a_tag_repairs_what_pvc_cannot_read(on_tree: Pvc, tree: Tree) -> None:
    tag = f"/domains/{tree.uuid('web-01')}/tags/production"
    tree.put(f"{tag}/protected", b"")
    tree.client.delete(f"{tag}/type")
    before = tree.dump()
    text = vms("{vm: web-01, tags: [frontend, {name: production, protected: false}]}")
    assert on_tree("apply", "-f", "-", stdin=text).code == 0
    assert changes_between(before, tree.dump()) == {f"{tag}/protected": b"False"}


def test_an_export_of_the_sandboxs_trouble_is_applied_without_a_change(
    on_tree: Pvc, tree: Tree, zk: ZKHandler
) -> None:
    make_trouble(zk)
    before = tree.dump()
    exported = on_tree("export")
    assert exported.err == "Warning: web-02: node_autostart '' is not valid, and left out\n"
    result = on_tree("apply", "-f", "-", stdin=exported.out)
    assert (result.code, tree.dump()) == (0, before)
    assert result.err.startswith("Nothing to change")
