"""`pvc vm tag` on a real tree: what is written, to the byte, and what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence

import pytest

from pvc_cli.cluster.vms import tag_plans, tagging
from pvc_cli.cluster.vms.query import VmRef, list_vms
from pvc_cli.errors import ConflictError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import CommitConflictError, Op
from tests.conftest import Pvc, Tree, round_trips


def of_tag(tree: Tree, vm: str, tag: str) -> dict[str, bytes]:
    """The znodes of a tag, by their path below it."""
    top = f"/domains/{tree.uuid(vm)}/tags/{tag}"
    if not tree.client.exists(top):
        return {}
    return {path[len(top) :]: value for path, value in tree.dump(top).items()}


def test_an_added_tag_is_what_pvc_writes(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("vm", "tag", "add", "web-01", "blue")
    assert (result.code, result.out, result.err) == (0, "", "web-01: tag 'blue' added.\n")
    top = f"/domains/{tree.uuid('web-01')}/tags/blue"
    assert tree.dump().items() - before.items() == {
        (top, b"blue"),
        (f"{top}/type", b"user"),
        (f"{top}/protected", b"False"),
    }


def test_a_protected_system_tag_is_what_pvc_writes(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "blue", "-p", "--type", "system").code == 0
    assert of_tag(tree, "web-01", "blue") == {"": b"blue", "/type": b"system", "/protected": b"True"}


def test_a_removed_tag_leaves_nothing(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    on_tree("vm", "tag", "add", "web-01", "blue")
    result = on_tree("vm", "tag", "remove", "web-01", "blue")
    assert (result.code, result.out, result.err) == (0, "", "web-01: tag 'blue' removed.\n")
    assert tree.dump() == before


def test_adding_what_is_already_so_says_so_and_writes_nothing(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    stat = tree.client.get(f"/domains/{uuid}/tags/production/type")[1]
    result = on_tree("vm", "tag", "add", "web-01", "production")
    assert (result.code, result.err) == (0, "web-01: tag 'production' unchanged: already set.\n")
    assert tree.client.get(f"/domains/{uuid}/tags/production/type")[1] == stat


def test_adding_again_keeps_the_protection_unless_told_otherwise(on_tree: Pvc, tree: Tree) -> None:
    assert "unchanged" in on_tree("vm", "tag", "add", "db-01", "stateful").err
    assert of_tag(tree, "db-01", "stateful")["/protected"] == b"True"
    assert "updated" in on_tree("vm", "tag", "add", "db-01", "stateful", "--no-protected").err
    assert of_tag(tree, "db-01", "stateful")["/protected"] == b"False"
    assert "updated" in on_tree("vm", "tag", "add", "db-01", "stateful", "-p").err
    assert of_tag(tree, "db-01", "stateful")["/protected"] == b"True"


def test_a_system_tag_becomes_a_user_tag_only_with_force(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("vm", "tag", "add", "nfv-01", "sriov")
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: nfv-01: tag 'sriov' refused: it is a system tag; use --force to make it a user tag\n"
    assert tree.dump() == before
    assert on_tree("vm", "tag", "add", "nfv-01", "sriov", "--force").code == 0
    assert of_tag(tree, "nfv-01", "sriov") == {"": b"sriov", "/type": b"user", "/protected": b"False"}
    assert on_tree("vm", "tag", "add", "nfv-01", "sriov", "--type", "system").code == 0
    assert of_tag(tree, "nfv-01", "sriov")["/type"] == b"system"


def test_a_tag_that_is_not_there_is_removed_only_if_that_is_fine(on_tree: Pvc) -> None:
    result = on_tree("vm", "tag", "remove", "web-01", "nope")
    assert (result.code, result.err) == (
        1,
        "Error: web-01: tag 'nope' refused: the VM does not have it; use --if-exists to skip it\n",
    )
    result = on_tree("vm", "tag", "remove", "web-01", "nope", "--if-exists")
    assert (result.code, result.err) == (0, "web-01: tag 'nope' unchanged: the VM does not have it.\n")


@pytest.mark.parametrize(
    ("vm", "tag", "why"), [("db-01", "stateful", "protected"), ("nfv-01", "sriov", "a system tag")]
)
def test_a_protected_or_system_tag_is_not_removed_without_force(
    on_tree: Pvc, tree: Tree, vm: str, tag: str, why: str
) -> None:
    before = tree.dump()
    result = on_tree("vm", "tag", "remove", vm, tag)
    assert (result.code, result.err) == (
        1,
        f"Error: {vm}: tag '{tag}' refused: it is {why}; use --force to remove it\n",
    )
    assert tree.dump() == before
    assert on_tree("vm", "tag", "remove", vm, tag, "--force").code == 0
    assert of_tag(tree, vm, tag) == {}


@pytest.mark.parametrize("name", ["type", "protected"])
def test_a_tag_may_be_called_like_its_own_children(on_tree: Pvc, tree: Tree, name: str) -> None:
    assert on_tree("vm", "tag", "add", "web-01", name, "-p").code == 0
    assert of_tag(tree, "web-01", name) == {"": name.encode(), "/type": b"user", "/protected": b"True"}
    assert on_tree("vm", "tag", "remove", "web-01", name).code == 1
    assert on_tree("vm", "tag", "remove", "web-01", name, "--force").code == 0


@pytest.mark.parametrize(
    "name",
    ["a/b", "", ".", "..", "a\x00b", "a\nb", "\x1b[31m", "a,b", "x" * 65, "\u202ea", "😀", "\udcff", "a\u00a0b"],
)
def test_what_cannot_be_a_tag_is_refused_by_name_and_changes_nothing(on_tree: Pvc, tree: Tree, name: str) -> None:
    before = tree.dump()
    result = on_tree("vm", "tag", "add", "web-01", name)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith("Error: '")
    assert result.err.rstrip("\n").isprintable()
    assert tree.dump() == before


@pytest.mark.parametrize("name", ["a", "x" * 64, "ß", "a:b", "...", "漢", "v1.2_b-c", "env=prod", "50%+"])
def test_what_can_be_a_tag_is_taken(on_tree: Pvc, tree: Tree, name: str) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "--", name).code == 0
    assert of_tag(tree, "web-01", name)[""] == name.encode()


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "-dash",
        "$(reboot)",
        "`id`",
        "a;b",
        "*",
        "a?",
        "!a",
        "~a",
        "#a",
        "a&b",
        "a|b",
        "x'y",
        'q"r',
        "{a}",
    ],
)
def test_a_name_that_a_shell_would_take_for_something_else_has_to_be_forced(
    on_tree: Pvc, tree: Tree, name: str
) -> None:
    before = tree.dump()
    refused = on_tree("vm", "tag", "add", "web-01", "--", name)
    assert (refused.code, tree.dump()) == (2, before)
    assert "is not a plain tag: " in refused.err
    assert refused.err.endswith("; choose another name, or use --force-name\n")
    assert on_tree("vm", "tag", "add", "--force-name", "web-01", "--", name).code == 0
    assert of_tag(tree, "web-01", name)[""] == name.encode()
    # What is there stays usable.
    assert on_tree("vm", "tag", "rename", "--", name, "plain").code == 0
    assert of_tag(tree, "web-01", "plain")[""] == b"plain"
    assert on_tree("vm", "tag", "remove", "web-01", "plain").code == 0


def test_a_vm_is_not_taken_for_a_tag(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    for words in (
        ("web-01", "blue", "-s", "start"),
        ("WEB-01", "blue", "-s", "start"),
        ("web-01", "--all"),
        (tree.uuid("web-01").upper(), "-g", "ci"),
    ):
        for verb in ("add", "remove"):
            refused = on_tree("vm", "tag", verb, *words)
            assert (refused.code, tree.dump()) == (2, before)
            assert "is a VM, but --all or a filter selects the VMs: drop one of both" in refused.err
    assert on_tree("vm", "tag", "add", "web-01", "-g", "ci", "--force-name").code == 0
    assert of_tag(tree, "build-01", "web-01")[""] == b"web-01"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\x00"])
def test_what_cannot_be_a_znode_is_not_removed_either(on_tree: Pvc, tree: Tree, name: str) -> None:
    before = tree.dump()
    for words in (("remove", "web-01", name, "--if-exists"), ("rename", name, "new")):
        result = on_tree("vm", "tag", *words, "--force")
        assert (result.code, result.out) == (2, "")
        assert " is not a valid tag" in result.err
        assert "znode" not in result.err
    assert tree.dump() == before


def test_a_half_written_tag_is_completed(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/tags/half")
    assert on_tree("vm", "tag", "add", "web-01", "half").code == 0
    assert of_tag(tree, "web-01", "half") == {"": b"half", "/type": b"user", "/protected": b"False"}


def test_a_vm_without_a_container_for_tags_gets_one(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    tree.client.delete(f"/domains/{uuid}/tags", recursive=True)
    assert on_tree("vm", "tag", "add", "web-01", "a", "b").code == 0
    assert sorted(tree.client.get_children(f"/domains/{uuid}/tags")) == ["a", "b"]


def test_a_tag_with_something_strange_below_is_removed_whole(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/tags/odd/deep/deeper", b"x")
    assert on_tree("vm", "tag", "remove", "web-01", "odd").code == 0
    assert of_tag(tree, "web-01", "odd") == {}


# Which VMs


def bearers(tree: Tree, tag: str) -> set[str]:
    found = set()
    for uuid in tree.client.get_children("/domains"):
        if tree.client.exists(f"/domains/{uuid}/tags/{tag}"):
            found.add(tree.client.get(f"/domains/{uuid}")[0].decode())
    return found


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (("web-01", "t"), "", {"web-01"}),
        (("web-01,web-02,app-01", "t"), "", {"web-01", "web-02", "app-01"}),
        (("web-*", "t"), "", {"web-01", "web-02"}),
        (("[wd]*-01", "t"), "", {"web-01", "db-01", "dns-01"}),
        (("-", "t"), "web-01\n\n app-01 \n", {"web-01", "app-01"}),
        (("web-01,web-*,web-01", "t"), "", {"web-01", "web-02"}),
        (("-s", "fail", "t"), "", {"lab-02"}),
        (("t", "-g", "stateful"), "", {"db-01", "db-02"}),
        (("-g", "production", "-g", "frontend", "t"), "", {"web-01", "web-02"}),
        (("-t", "pvchv3", "-s", "start", "-g", "ci", "t"), "", {"build-02"}),
    ],
)
def test_a_selection_means_these_vms(
    on_tree: Pvc, tree: Tree, arguments: tuple[str, ...], stdin: str, expected: set[str]
) -> None:
    result = on_tree("vm", "tag", "add", *arguments, stdin=stdin)
    assert result.code == 0, result.err
    assert bearers(tree, "t") == expected


def test_all_means_all(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree("vm", "tag", "add", "--all", "t", "u")
    assert (result.code, result.err) == (0, "40 tags of 20 VMs: 40 changed, 0 unchanged, 0 refused.\n")
    assert len(bearers(tree, "t")) == len(bearers(tree, "u")) == 20


def test_a_uuid_in_any_case_means_its_vm(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("vm", "tag", "add", tree.uuid("web-01").upper(), "t").code == 0
    assert bearers(tree, "t") == {"web-01"}


def test_tags_come_from_standard_input_too(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "-", stdin="one\ntwo\n").code == 0
    assert set(tree.client.get_children(f"/domains/{tree.uuid('web-01')}/tags")) >= {"one", "two"}


def test_standard_input_cannot_be_read_twice(on_tree: Pvc) -> None:
    result = on_tree("vm", "tag", "add", "-", "-", stdin="web-01\n")
    assert (result.code, result.err) == (2, "Error: '-' can be used only once: it reads all of standard input\n")


@pytest.mark.parametrize(
    ("vm", "said"),
    [
        ("web-1", "there is no VM 'web-1': did you mean 'web-01'?"),
        ("zzzzzz", "there is no VM 'zzzzzz': see 'pvc vm list'"),
        ("zz*", "no VM matches 'zz*': see 'pvc vm list'"),
        ("", "there is no VM '': see 'pvc vm list'"),
        ("\x1b[2J", "no VM matches '\\x1b[2J': see 'pvc vm list'"),
        ("00000000-0000-0000-0000-000000000000", "there is no VM '00000000-0000-0000-0000-000000000000'"),
    ],
)
def test_a_vm_that_does_not_exist_is_one_helpful_line(on_tree: Pvc, tree: Tree, vm: str, said: str) -> None:
    before = tree.dump()
    result = on_tree("vm", "tag", "add", vm, "t")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert said in result.err
    assert tree.dump() == before


def test_a_name_that_two_vms_share_is_refused_with_their_uuids(on_tree: Pvc, tree: Tree) -> None:
    one, two = tree.uuid("web-01"), tree.uuid("web-02")
    tree.put(f"/domains/{two}", b"web-01")
    result = on_tree("vm", "tag", "add", "web-01", "t")
    assert result.code == 1
    assert "2 VMs are called" in result.err
    assert one in result.err
    assert two in result.err
    assert on_tree("vm", "tag", "add", two, "t").code == 0
    assert on_tree("vm", "tag", "list", "web-*", "-o", "json").code == 0


def test_a_name_that_looks_like_a_uuid_is_still_a_name(on_tree: Pvc, tree: Tree) -> None:
    name = "00000000-1111-2222-3333-444444444444"
    uuid = tree.uuid("web-01")
    tree.put(f"/domains/{uuid}", name.encode())
    assert on_tree("vm", "tag", "add", name, "t").code == 0
    assert tree.client.exists(f"/domains/{uuid}/tags/t")


# Bulk, dry runs, documents


def test_refused_ones_do_not_hold_up_the_others(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree("vm", "tag", "remove", "--all", "stateful", "ci", "--if-exists")
    assert result.code == 1
    assert bearers(tree, "ci") == set()
    assert bearers(tree, "stateful") == {"db-01", "db-02"}
    assert result.err == (
        "40 tags of 20 VMs: 2 changed, 36 unchanged, 2 refused.\n"
        "Error: 2 refused (tag 'stateful'): it is protected; use --force to remove it (db-01, db-02)\n"
    )


def test_many_refusals_are_one_line_for_each_reason(on_tree: Pvc) -> None:
    on_tree("vm", "tag", "add", "--all", "own", "--protected")
    why = "it is protected; use --force to remove it"
    result = on_tree("vm", "tag", "remove", "--all", "own")
    assert (result.code, result.err) == (
        1,
        "0 changed, 0 unchanged, 20 refused.\n"
        f"Error: 20 refused (tag 'own'): {why} (app-01, app-02, build-01, build-02, cache-01, and 15 more: -v or"
        " -o json lists them all)\n",
    )
    assert on_tree("-v", "vm", "tag", "remove", "--all", "own").err.count(f"tag 'own' refused: {why}\n") == 20


@pytest.mark.parametrize("words", ["--all nope", "web-01,web-02 nope", "web-* nope", "-g production nope"])
def test_of_several_vms_those_without_the_tag_stay_as_they_are(on_tree: Pvc, words: str) -> None:
    result = on_tree("vm", "tag", "remove", *words.split())
    assert (result.code, "refused.\n" in result.err, "Error" in result.err) == (0, True, False)
    assert on_tree("vm", "tag", "remove", "web-01", "nope").code == 1
    assert on_tree("vm", "tag", "remove", "web-01", "nope", "--if-exists").code == 0


def test_a_misspelt_tag_is_not_taken_for_one_that_is_gone(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    misspelt = ("--all prodution", "web-* prodution", "web-01,web-02 nope prodution", "--all production prodution -y")
    for words in misspelt:
        result = on_tree("vm", "tag", "remove", *words.split())
        assert (result.code, result.out) == (1, "")
        assert result.err.endswith("Error: no VM has a tag 'prodution': did you mean 'production'?\n")
        assert on_tree("vm", "tag", "remove", *words.split(), "--dry-run").code == 1
        assert tree.dump() == before
        assert on_tree("vm", "tag", "remove", *words.split(), "--if-exists", "--dry-run").code == 0
    # A tag of other VMs is not a misspelling.
    result = on_tree("vm", "tag", "remove", "web-*", "stateful")
    assert (result.code, "No VM has" in result.err) == (0, False)


def test_a_tag_that_nothing_has_is_said_beside_one_that_is_removed(on_tree: Pvc) -> None:
    result = on_tree("vm", "tag", "remove", "web-01,web-02", "production", "qqqqqq")
    assert (result.code, "No VM has a tag 'qqqqqq'.\n" in result.err) == (0, True)
    assert "2 changed, 2 unchanged" in result.err


def test_a_tag_that_nothing_has_is_said(on_tree: Pvc) -> None:
    assert on_tree("vm", "tag", "remove", "--all", "qqqqqq", "--yes").err.startswith("No VM has a tag 'qqqqqq'.\n")
    assert "No VM has" not in on_tree("vm", "tag", "remove", "--all", "qqqqqq", "--yes", "--if-exists").err


def test_a_rename_into_a_tag_that_a_vm_has_is_refused_as_a_whole(on_tree: Pvc, tree: Tree) -> None:
    on_tree("vm", "tag", "add", "db-01", "blue")
    before = tree.dump()
    for answer in ((), ("--dry-run",), ("--yes",)):
        refused = on_tree("vm", "tag", "rename", "frontend", "blue", *answer)
        assert (refused.code, refused.out, refused.err) == (
            1,
            "",
            "Error: 1 VM has a tag 'blue' already, and afterwards nothing but 'pvc undo' tells them apart: choose"
            " another name, or use --force to merge 'frontend' into it\n",
        )
    several = on_tree("vm", "tag", "rename", "blue", "frontend")
    assert (several.code, " VMs have a tag 'frontend' already" in several.err) == (1, True)
    assert tree.dump() == before


def test_force_merges_a_tag_into_one_that_vms_have(on_tree: Pvc, tree: Tree) -> None:
    warning = "Warning: 2 VMs have 'blue' already: afterwards nothing but 'pvc undo' tells them apart\n"
    on_tree("vm", "tag", "add", "db-01,web-02", "blue")
    before = tree.dump()
    dry = on_tree("vm", "tag", "rename", "frontend", "blue", "--force", "--dry-run")
    assert (dry.code, dry.err.startswith(warning), tree.dump() == before) == (0, True, True)
    assert dry.out == "would change web-01: + tag blue; - tag frontend\nwould change web-02: - tag frontend\n"
    merged = on_tree("vm", "tag", "rename", "frontend", "blue", "--force")
    assert (merged.code, merged.err.startswith(warning)) == (0, True)
    assert of_tag(tree, "web-01", "blue")
    assert of_tag(tree, "web-02", "blue")
    assert on_tree("vm", "list", "-g", "frontend", "-o", "name").out == ""
    assert "Warning" not in on_tree("vm", "tag", "rename", "blue", "red").err


def test_a_vm_among_the_tags_is_not_taken_for_one(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    for words in ("web-01 web-02 red", "web-01 red web-02", "web-* web-02", f"{tree.uuid('web-01')} red web-02"):
        vm = words.split()[0]
        result = on_tree("vm", "tag", "add", *words.split())
        assert (result.code, result.err) == (
            2,
            f"Error: 'web-02' is a VM: give several VMs as {vm},web-02, or use --force-name if it is a tag, too\n",
        )
    assert tree.dump() == before
    assert on_tree("vm", "tag", "add", "web-01", "web-02", "red", "--force-name").code == 0
    assert of_tag(tree, "web-01", "web-02")


def test_a_selection_that_finds_nothing_changes_nothing(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("vm", "tag", "add", "-s", "migrate", "t")
    assert (result.code, result.err) == (0, "Nothing to change: no VM matches.\n")
    assert tree.dump() == before


def test_a_dry_run_shows_the_exact_changes_and_makes_none(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    top = f"/domains/{tree.uuid('web-01')}/tags/blue"
    result = on_tree("vm", "tag", "add", "web-01", "blue", "--dry-run", "-o", "json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert document["changes"] == [
        {"action": "create", "path": top, "value": "blue"},
        {"action": "create", "path": f"{top}/type", "value": "user"},
        {"action": "create", "path": f"{top}/protected", "value": "False"},
    ]
    assert document["counts"] == {"changed": 1, "unchanged": 0, "refused": 0, "failed": 0}
    assert on_tree("vm", "tag", "add", "web-01", "blue", "--dry-run", "-o", "name").out == "web-01\n"
    table = on_tree("vm", "tag", "remove", "web-01", "production", "--dry-run", "--paths").out.splitlines()
    assert len(table) == 3
    assert all(line.startswith("would delete /domains/") for line in table)
    assert tree.dump() == before


def test_a_dry_run_says_what_the_run_then_does(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    planned = json.loads(on_tree("vm", "tag", "add", "--all", "t", "-p", "--dry-run", "-o", "json").out)["changes"]
    on_tree("vm", "tag", "add", "--all", "t", "-p")
    made = tree.dump().items() - before.items()
    assert {(change["path"], change["value"].encode()) for change in planned} == made


def test_results_are_documents_for_programs(on_tree: Pvc, tree: Tree) -> None:
    result = on_tree("vm", "tag", "add", "web-01,nfv-01", "sriov", "-o", "json")
    assert result.code == 1
    assert json.loads(result.out) == {
        "items": [
            {
                "name": "web-01",
                "uuid": tree.uuid("web-01"),
                "tag": "sriov",
                "status": "changed",
                "changes": [
                    {"action": "create", "path": f"/domains/{tree.uuid('web-01')}/tags/sriov{key}", "value": value}
                    for key, value in (("", "sriov"), ("/type", "user"), ("/protected", "False"))
                ],
            },
            {
                "name": "nfv-01",
                "uuid": tree.uuid("nfv-01"),
                "tag": "sriov",
                "status": "refused",
                "reason": "it is a system tag; use --force to make it a user tag",
            },
        ],
        "counts": {"changed": 1, "unchanged": 0, "refused": 1, "failed": 0},
    }
    dry = json.loads(on_tree("vm", "tag", "add", "db-01", "sriov", "--dry-run", "-o", "json").out)
    assert dry["changes"] == dry["items"][0]["changes"]
    assert on_tree("vm", "tag", "remove", "web-*", "sriov", "--if-exists", "-o", "name").out == "web-01\n"


def test_the_tags_of_one_vm_are_pvcs_document(on_tree: Pvc) -> None:
    for command in ("list", "get"):
        result = on_tree("vm", "tag", command, "db-01", "-o", "json")
        assert (result.code, result.err) == (0, "")
        assert json.loads(result.out) == {
            "name": "db-01",
            "tags": [
                {"name": "production", "type": "user", "protected": False},
                {"name": "stateful", "type": "user", "protected": True},
            ],
        }


def test_the_tags_of_several_vms_are_a_list(on_tree: Pvc) -> None:
    for words in (("db-01", "web-01"), ("db-01,web-01",)):
        names = [document["name"] for document in json.loads(on_tree("vm", "tag", "list", *words, "-o", "json").out)]
        assert names == ["db-01", "web-01"]
    assert [d["name"] for d in json.loads(on_tree("vm", "tag", "list", "db-*", "-o", "json").out)] == [
        "db-01",
        "db-02",
    ]
    assert json.loads(on_tree("vm", "tag", "list", "-", "-o", "json", stdin="db-01\n").out)[0]["name"] == "db-01"


def test_tags_sort_naturally_in_tables_and_documents(on_tree: Pvc) -> None:
    on_tree("vm", "tag", "add", "web-01", "t10", "t9", "t1")
    names = on_tree("vm", "tag", "list", "web-01", "-o", "name").out.split()
    assert names == ["frontend", "production", "t1", "t9", "t10"]
    rows = on_tree("vm", "tag", "list", "web-01").out.splitlines()
    assert rows[0].split() == ["VM", "TAG", "TYPE", "PROTECTED"]
    assert rows[3].split() == ["web-01", "t1", "user", "no"]


def test_without_a_vm_every_tag_of_the_cluster_is_counted(on_tree: Pvc) -> None:
    found = json.loads(on_tree("vm", "tag", "list", "-o", "json").out)
    assert {"name": "production", "type": "user", "vms": 16} in found
    assert {"name": "sriov", "type": "system", "vms": 1} in found
    assert [tag["name"] for tag in found] == sorted(tag["name"] for tag in found)
    assert on_tree("vm", "tag", "list").out.splitlines()[0].split() == ["TAG", "TYPE", "VMS"]


def test_no_tags_at_all_is_said_and_is_no_error(on_tree: Pvc, tree: Tree) -> None:
    tree.client.delete("/domains", recursive=True)
    tree.put("/domains")
    result = on_tree("vm", "tag", "list")
    assert (result.code, result.out, result.err) == (0, "", "No tags.\n")


# Older schemas, rivals, vanishing VMs


@pytest.mark.parametrize("version", [0, 2])
def test_tags_before_schema_3_say_what_they_need_and_change_nothing(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    tree = demo(version=version)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    for command in ("add", "remove"):
        result = pvc("vm", "tag", command, "web-01", "blue")
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
        assert f"tags need schema version 3, and this cluster has {version}" in result.err
        assert "'pvc schema upgrade'" in result.err
    assert tree.dump() == before
    assert json.loads(pvc("vm", "tag", "list", "web-01", "-o", "json").out) == {"name": "web-01", "tags": []}
    assert len(pvc("vm", "list", "-o", "name").out.split()) == 20


def test_rivals_never_leave_half_a_tag(tree: Tree) -> None:
    """Adding and removing at once, each with its own session: a tag is whole or not there, and nobody fails."""
    failed: list[Exception] = []
    with ZKHandler(tree.hosts) as handler:
        vms = list_vms(handler)

    def work(number: int) -> None:
        try:
            with ZKHandler(tree.hosts) as handler:
                for turn in range(15):
                    make = tag_plans.plan_add if (number + turn) % 2 else tag_plans.plan_remove
                    tagging.change_tags(handler, vms, make(["t"]))
        except ConflictError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for vm in vms:
        found = of_tag(tree, vm.name, "t")
        assert found in ({}, {"": b"t", "/type": b"user", "/protected": b"False"})


def test_a_tag_that_gets_protected_meanwhile_is_not_removed(zk: ZKHandler, tree: Tree) -> None:
    vm = VmRef(tree.uuid("web-01"), "web-01")
    plan = tag_plans.plan_remove(["frontend"])
    steps = plan(zk, [vm])
    tree.put(f"/domains/{vm.uuid}/tags/frontend/protected", b"True")
    with pytest.raises(ConflictError):
        steps[0].transaction.commit()
    (outcome,) = tagging.change_tags(zk, [vm], plan).outcomes
    assert (outcome.status, outcome.detail) == ("refused", "it is protected; use --force to remove it")


@pytest.mark.parametrize(("make", "tag"), [(tag_plans.plan_add, "new"), (tag_plans.plan_remove, "production")])
def test_a_vm_that_is_deleted_meanwhile_is_refused_and_not_brought_back(
    zk: ZKHandler, tree: Tree, make: Callable[..., tagging.Plan], tag: str
) -> None:
    vms = list_vms(zk)
    victim = vms[0]
    plan = make([tag], force=True)
    struck: list[object] = []

    def plan_and_delete(handler: ZKHandler, chosen: Sequence[VmRef]) -> list[tagging.VmChange]:
        steps = plan(handler, chosen)
        if not struck:
            struck.append(tree.client.delete(f"/domains/{victim.uuid}", recursive=True))
        return steps

    result = tagging.change_tags(zk, vms, plan_and_delete)
    outcomes = {outcome.vm: outcome for outcome in result.outcomes}
    assert len(outcomes) == 20
    assert (outcomes[victim].status, outcomes[victim].detail) == ("refused", "the VM no longer exists")
    assert not tree.client.exists(f"/domains/{victim.uuid}")


def test_a_busy_vm_is_a_conflict_but_all_others_are_done(zk: ZKHandler, tree: Tree) -> None:
    vms = list_vms(zk)
    plan = tag_plans.plan_add(["production"], protected=True)
    busy = f"/domains/{tree.uuid('web-01')}/tags/production/protected"

    def plan_and_disturb(handler: ZKHandler, chosen: Sequence[VmRef]) -> list[tagging.VmChange]:
        steps = plan(handler, chosen)
        tree.put(busy, b"False")
        return steps

    result = tagging.change_tags(zk, vms, plan_and_disturb)
    assert [(outcome.vm.name, outcome.status) for outcome in result.outcomes if outcome.status == "failed"] == [
        ("web-01", "failed")
    ]
    assert [type(error) for error in result.errors] == [CommitConflictError]
    protected = {vm.name for vm in vms if of_tag(tree, vm.name, "production").get("/protected") == b"True"}
    assert protected == bearers(tree, "production") - {"web-01"}


def test_a_thousand_vms_are_tagged_in_few_round_trips(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=1000)
    done: list[tuple[int, int]] = []
    with ZKHandler(tree.hosts) as handler:
        vms = list_vms(handler)
        before = round_trips(handler)
        result = tagging.change_tags(
            handler, vms, tag_plans.plan_add(["t"]), on_progress=lambda *progress: done.append(progress)
        )
        assert round_trips(handler) - before <= 4
    assert done[-1] == (len(result.outcomes), 1000) == (1000, 1000)
    assert len(bearers(tree, "t")) == 1000


def test_a_vm_that_is_deleted_under_a_bulk_command_is_said_and_holds_up_no_other(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = tree.uuid("db-01")
    commit = LiveStore.commit

    def late(store: LiveStore, ops: Sequence[Op]) -> None:
        monkeypatch.setattr(LiveStore, "commit", commit)
        tree.client.delete(f"/domains/{uuid}", recursive=True)
        commit(store, ops)

    monkeypatch.setattr(LiveStore, "commit", late)
    result = on_tree("vm", "tag", "add", "--all", "blue")
    assert result.code == 1
    assert result.err == (
        "19 changed, 0 unchanged, 1 refused.\nError: db-01: tag 'blue' refused: the VM no longer exists\n"
    )
    assert all(tree.client.exists(f"/domains/{vm}/tags/blue") for vm in tree.client.get_children("/domains"))


def test_a_schema_that_is_changed_under_a_bulk_command_ends_it_before_the_wrong_znode_is_written(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = LiveStore.commit

    def late(store: LiveStore, ops: Sequence[Op]) -> None:
        monkeypatch.setattr(LiveStore, "commit", commit)
        assert on_tree("schema", "rollback", "--to", "0", "--yes", "--no-backup", "--force").code == 0
        commit(store, ops)

    monkeypatch.setattr(LiveStore, "commit", late)
    result = on_tree("vm", "tag", "add", "--all", "blue")
    assert result.code == 5
    assert "Error: the schema version of the cluster changed meanwhile: rerun the same" in result.err
    assert not any("/tags" in path for path in tree.dump())
