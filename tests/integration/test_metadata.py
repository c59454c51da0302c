"""A VM's metadata is shown and set as PVC writes it; a tag is renamed everywhere at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Pvc, Tree, changes_between


def test_metadata_is_written_as_pvc_does(on_tree: Pvc, tree: Tree) -> None:
    vm = f"/domains/{tree.uuid('web-01')}"
    options = (
        *("--limit", "pvchv1,pvchv3", "--node-selector", "memprov", "--autostart", "--method", "live"),
        *("--max-downtime", "500", "--profile", "large"),
    )
    before = tree.dump()
    assert on_tree("vm", "meta", "set", "web-01", *options, "--dry-run").code == 0
    assert tree.dump() == before
    result = on_tree("vm", "meta", "set", "web-01", *options)
    assert (result.code, result.err) == (
        0,
        "web-01: changed: node_limit none -> pvchv1,pvchv3, node_selector none -> memprov, node_autostart off -> on,"
        " migration_method none -> live, migration_max_downtime 300 -> 500, profile web-small -> large.\n",
    )
    assert changes_between(before, tree.dump()) == {
        f"{vm}/node_limit": b"pvchv1,pvchv3",
        f"{vm}/node_selector": b"memprov",
        f"{vm}/node_autostart": b"True",
        f"{vm}/migration_method": b"live",
        f"{vm}/migration_max_downtime": b"500",
        f"{vm}/profile": b"large",
    }
    assert json.loads(on_tree("vm", "meta", "get", "web-01", "-o", "json").out) == {
        "name": "web-01",
        "uuid": tree.uuid("web-01"),
        "node_limit": ["pvchv1", "pvchv3"],
        "node_selector": "memprov",
        "node_autostart": True,
        "migration_method": "live",
        "migration_max_downtime": 500,
        "profile": "large",
    }
    assert on_tree("vm", "meta", "set", "web-01", "--limit", "").code == 0
    assert tree.client.get(f"{vm}/node_limit")[0] == b""
    assert on_tree("vm", "meta", "set", "web-01", "--autostart").err == "web-01: unchanged: has these values.\n"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "expected something to set"),
        (("--limit", "pvchv1,nope"), 1, "there is no node 'nope'"),
        (("--node-selector", "fastest"), 2, "'fastest' is not one of"),
        (("--method", "teleport"), 2, "'teleport' is not one of"),
        (("--max-downtime", "-1"), 2, "-1 is not in the range"),
    ],
)
def test_metadata_that_pvc_could_not_read_is_refused(
    on_tree: Pvc, tree: Tree, options: tuple[str, ...], code: int, said: str
) -> None:
    before = tree.dump()
    result = on_tree("vm", "meta", "set", "web-01", *options)
    assert (result.code, tree.dump()) == (code, before)
    assert said in result.err


def test_a_vm_with_a_device_that_is_passed_through_cannot_migrate_live(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("vm", "meta", "set", "nfv-01", "--method", "live")
    assert (result.code, tree.dump()) == (1, before)
    assert "nfv-01: refused: a VM with a passed-through device cannot migrate live" in result.err
    assert on_tree("vm", "meta", "set", "nfv-01", "--method", "shutdown").code == 0


def test_older_clusters_have_less_metadata(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(version=12)
    refused = pvc("--coordinators", tree.hosts, "vm", "meta", "set", "web-01", "--max-downtime", "1")
    assert refused.code == 1
    assert "migration_max_downtime needs schema version 13, and this cluster has 12" in refused.err
    shown = json.loads(pvc("--coordinators", tree.hosts, "vm", "meta", "get", "--all", "-o", "json").out)
    assert len(shown) == 20
    assert shown[0]["migration_max_downtime"] is None


def tags_of(tree: Tree, vm: str) -> dict[str, bytes]:
    top = f"/domains/{tree.uuid(vm)}/tags"
    return {path[len(top) + 1 :]: value for path, value in tree.dump(top).items() if path != top}


def test_a_tag_is_renamed_on_every_vm_that_has_it(on_tree: Pvc, tree: Tree) -> None:
    dry = on_tree("vm", "tag", "rename", "staging", "test", "--dry-run")
    assert dry.code == 0
    assert dry.out == "would change 2 VMs: - tag staging; + tag test (lab-01, lab-02)\n"
    result = on_tree("vm", "tag", "rename", "staging", "test")
    assert result.code == 0
    assert result.err.endswith("2 changed, 0 unchanged, 0 refused.\n")
    for vm in ("lab-01", "lab-02"):
        assert tags_of(tree, vm) == {"test": b"test", "test/type": b"user", "test/protected": b"False"}
    gone = on_tree("vm", "tag", "rename", "staging", "test")
    assert (gone.code, gone.err) == (1, "Error: no VM has a tag 'staging': see 'pvc vm tag list'\n")
    assert (
        on_tree("vm", "tag", "rename", "tesst", "x").err == "Error: no VM has a tag 'tesst': did you mean 'test'?\n"
    )


def test_a_bound_tag_is_renamed_only_by_force_and_stays_bound(on_tree: Pvc, tree: Tree) -> None:
    refused = on_tree("vm", "tag", "rename", "stateful", "durable")
    assert refused.code == 1
    assert "2 refused (tag 'stateful'): it is protected; use --force to rename it (db-01, db-02)" in refused.err
    assert on_tree("vm", "tag", "rename", "stateful", "durable", "--force").code == 0
    assert tags_of(tree, "db-01")["durable/protected"] == b"True"
    assert "sriov" not in on_tree("vm", "tag", "rename", "sriov", "vf", "--force").out
    assert tags_of(tree, "nfv-01")["vf/type"] == b"system"


def test_a_vm_that_has_both_tags_keeps_the_new_one_by_force(on_tree: Pvc, tree: Tree) -> None:
    refused = on_tree("vm", "tag", "rename", "frontend", "production")
    assert refused.code == 1
    assert "use --force to merge 'frontend' into it" in refused.err
    assert on_tree("vm", "tag", "rename", "frontend", "production", "--force").code == 0
    assert {path.partition("/")[0] for path in tags_of(tree, "web-01")} == {"production"}


@pytest.mark.parametrize("new", ["", "a/b", "staging", "x,y"])
def test_a_name_that_no_tag_can_have_is_refused(on_tree: Pvc, new: str) -> None:
    assert on_tree("vm", "tag", "rename", "staging", new).code == 2


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--network", "Lab"), ["app-02", "db-02", "lab-02", "nfv-01", "web-01"]),
        (("--network", "hostdev:ens1f0v0"), ["nfv-01"]),
        (("--mac", "52:54:03:F3:04:F5"), ["nfv-01"]),
        (("--disk", "vms/db-01_data"), ["db-01"]),
        (("--disk", "vms/db-*_data"), ["db-01", "db-02"]),
        (("--min-memory", "16384"), ["db-01", "db-02"]),
        (("--max-memory", "1024", "--max-vcpus", "1"), ["dns-01", "dns-02", "lab-01", "lab-02"]),
        (("--min-vcpus", "8", "--without-tag", "ci"), ["db-01", "db-02"]),
        (("--sriov",), ["nfv-01"]),
        (("-n", "--max-memory", "8192"), ["db-01", "db-02"]),
        (("-n", "--without-tag", "ci"), ["build-01", "build-02"]),
    ],
)
def test_vms_are_selected_by_their_hardware(on_tree: Pvc, filters: tuple[str, ...], expected: list[str]) -> None:
    result = on_tree("vm", "list", "-o", "name", *filters)
    assert (result.code, result.out.split()) == (0, expected)
    if "-n" not in filters and expected:
        added = on_tree("vm", "tag", "add", *filters, "blue", "-o", "name")
        assert added.out.split() == expected


def test_a_network_that_does_not_exist_is_an_error(on_tree: Pvc) -> None:
    for verb in ("list", "stop"):
        result = on_tree("vm", verb, "--network", "Frontent")
        assert (result.code, result.err) == (1, "Error: there is no network 'Frontent': did you mean 'Frontend'?\n")


def test_vms_are_listed_by_names_from_standard_input(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree(
        "vm", "list", "-", "-o", "name", "-g", "ci", stdin=f"build-01\n{tree.uuid('build-02')}\nweb-01\n"
    )
    assert (result.code, result.out) == (0, "build-01\nbuild-02\n")
    assert on_tree("vm", "list", "-", stdin="nosuch\n").code == 1


def test_a_vm_whose_xml_is_broken_is_named_when_it_is_left_out(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('db-01')}/xml", b"")
    result = on_tree("vm", "list", "--min-memory", "16384", "-o", "name")
    assert result.out == "db-02\n"
    assert "Warning: left out VM db-01 (" in result.err
    assert "its XML is broken: it is empty" in result.err


@pytest.mark.parametrize(
    ("znode", "text", "option", "after"),
    [
        ("node_autostart", b"true", "--autostart", None),
        ("node_autostart", b"no", "--no-autostart", None),
        # PVC leaves out a VM whose autostart is empty.
        ("node_autostart", b"", "--no-autostart", b"False"),
        ("migration_max_downtime", b"0300", "--max-downtime=300", None),
        ("node_limit", b"pvchv1, pvchv2", "--limit=pvchv1,pvchv2", None),
    ],
)
def test_a_value_that_is_spelt_otherwise_is_unchanged(
    on_tree: Pvc, tree: Tree, znode: str, text: bytes, option: str, after: bytes | None
) -> None:
    path = f"/domains/{tree.uuid('web-01')}/{znode}"
    tree.put(path, text)
    before = tree.dump()
    result = on_tree("vm", "meta", "set", "web-01", option)
    assert (result.code, changes_between(before, tree.dump())) == (0, {path: after} if after else {})
    assert ("unchanged" in result.err) == (after is None)


def test_an_empty_autostart_is_unknown_everywhere(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-02')}/node_autostart", b"")
    assert re.search(r"^Autostart +\?$", on_tree("vm", "info", "web-02").out.replace(":", " "), re.MULTILINE)
    for words in (("vm", "list"), ("vm", "meta", "get")):
        column = on_tree(*words, "web-02", "--columns", "autostart").out.split()
        assert column[1:] == ["?"]
    assert json.loads(on_tree("vm", "info", "web-02", "-o", "json").out)["node_autostart"] is None
    assert on_tree("vm", "meta", "set", "web-02", "--no-autostart").err.startswith("web-02: changed")


def test_a_limit_that_excludes_the_vms_own_node_is_warned_of(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/node", b"pvchv2")
    warning = "Warning: web-01 on pvchv2: outside its node limit: it stays there until 'pvc vm move'\n"
    state = tmp_path / "state.yaml"
    state.write_text("version: 1\nvms:\n  - vm: web-01\n    metadata:\n      node_limit: [pvchv1]\n")
    for words in (("vm", "meta", "set", "web-01", "--limit", "pvchv1"), ("apply", "-f", str(state))):
        assert on_tree("vm", "meta", "set", "web-01", "--limit", "").code == 0
        for dry in (("--dry-run",), ()):
            result = on_tree(*words, *dry)
            assert (result.code, warning in result.err) == (0, True)
    assert "Warning" not in on_tree("apply", "-f", str(state)).err
    allowed = on_tree("vm", "meta", "set", "web-01", "--limit", "pvchv1,pvchv2")
    assert "Warning" not in allowed.err
    assert "Warning" not in on_tree("vm", "meta", "set", "web-01", "--limit", "").err
    for vm in ("web-01", "web-02", "app-01", "app-02"):
        tree.put(f"/domains/{tree.uuid(vm)}/node", b"pvchv2")
    many = on_tree("vm", "meta", "set", "web-01,web-02,app-01,app-02", "--limit", "pvchv1", "--dry-run")
    assert "on pvchv2 and 1 more: outside their node limits: they stay there until 'pvc vm move'\n" in many.err


def test_the_value_of_a_switch_is_not_taken_for_a_vm(on_tree: Pvc) -> None:
    result = on_tree("vm", "meta", "set", "web-01", "--autostart", "yes")
    assert (result.code, result.out, result.err) == (
        2,
        "",
        "Error: --autostart takes no value such as 'yes': use --autostart or --no-autostart\n",
    )
