"""Errors for programs: with -o json, an error is one JSON object on standard error, whatever failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import click
import pytest

from tests.command_tree import leaves
from tests.conftest import Pvc, Result, Tree


def answering_in_json() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command that has a JSON format."""
    for words, command in leaves():
        for option in command.params:
            if "-o" in option.opts and isinstance(option.type, click.Choice) and "json" in option.type.choices:
                yield words


def error_of(result: Result) -> dict[str, object]:
    """The one error object of a command that failed: its last line, and below a line for people."""
    lines = result.err.splitlines()
    objects = [line for line in lines if line.startswith('{"error"')]
    assert len(objects) == 1, result.err
    assert lines[-1] == objects[0]
    assert any(line.startswith("Error: ") for line in lines)
    error = json.loads(objects[0])["error"]
    assert error.keys() == {"code", "kind", "message", "hint"}
    assert error["code"] == result.code
    return dict(error)


@pytest.mark.parametrize("words", sorted(answering_in_json()), ids=" ".join)
def test_every_command_that_fails_says_so_as_json(pvc: Pvc, words: tuple[str, ...]) -> None:
    """Each is given nothing but its format, and a cluster that does not answer."""
    result = pvc("--coordinators", "127.0.0.1:1", "--timeout", "0.2", *words, "-o", "json")
    assert "Traceback" not in result.err
    if result.code:
        error_of(result)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("vm list -o json --tag", "Option '--tag' requires an argument: see 'pvc vm list --help'"),
        ("vm list -ojson --nme", "No such option '--nme': did you mean '--name'? See 'pvc vm list --help'"),
        ("vm info --output=json --nope", "No such option '--nope': see 'pvc vm info --help'"),
        ("vm lst -f json", "No such command 'lst': did you mean 'list'? See 'pvc vm --help'"),
        (
            "vm list --min-memory x -o json",
            "Invalid value for '--min-memory': 'x' is not an amount of memory: give MiB, or 16G: see 'pvc vm list"
            " --help'",
        ),
    ],
)
def test_a_line_that_is_not_understood_is_an_error_for_programs_too(pvc: Pvc, words: str, message: str) -> None:
    error = error_of(pvc(*words.split()))
    assert (error["code"], error["kind"], error["message"]) == (2, "usage", message)


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        ("vm tag remove web-01 nope", 1, "refused"),
        ("vm tag remove web-01 nope --dry-run", 1, "refused"),
        ("vm tag add web-01,web-02 strict --type user", 1, "refused"),
        ("vm start paused", 1, "refused"),
        ("vm stop web-01 --wait --wait-timeout 0", 1, "refused"),
        ("vm migrate web-01 -t pvchv9", 1, "not_found"),
        ("sriov vf claim pvchv1/ens1f0v0 pvchv1/ens1f0v0 db-01", 1, "refused"),
        ("sriov vf release pvchv1 ens1f0v0,ens1f0v1", 1, "refused"),
        ("sriov vf set pvchv1 ens1f0v1 --vlan-id 9 --wait 0.1", 4, "unreachable"),
        ("sriov pf drain pvchv1 ens1f0 --wait-timeout 0", 1, "refused"),
        ("sandbox status", 1, "not_found"),
        ("undo nope", 1, "not_found"),
    ],
)
def test_what_is_refused_item_by_item_is_an_error_for_programs_too(
    on_tree: Pvc, tree: Tree, words: str, code: int, kind: str
) -> None:
    for vm in ("web-01", "web-02"):
        on_tree("vm", "tag", "add", vm, "strict", "--type", "system")
    tree.put(f"/domains/{tree.uuid('lab-01')}", b"paused")
    tree.put(f"/domains/{tree.uuid('paused')}/state", b"migrate")
    result = on_tree(*words.split(), "-o", "json")
    assert (result.code, error_of(result)["kind"]) == (code, kind)
    # For people, it is lines alone.
    assert '{"error"' not in on_tree(*words.split()).err


def test_a_plan_that_is_refused_is_an_error_for_programs_too(
    on_tree: Pvc, tree: Tree, tmp_path: object, demo: Callable[..., Tree]
) -> None:
    plan = f"{tmp_path}/plan"
    on_tree("cluster", "maintenance", "on", "--plan", plan)
    tree.put("/config/maintenance", b"True")
    tree.put("/config/maintenance", b"False")
    for words in (("apply", plan), ("apply", plan, "--dry-run")):
        result = on_tree(*words, "-o", "json")
        assert (result.code, error_of(result)["kind"]) == (5, "conflict")


@pytest.mark.parametrize("how", [("--yes",), ("--dry-run",), ()])
def test_a_prune_that_is_postponed_is_an_error_for_programs_too(
    on_tree: Pvc, tree: Tree, how: tuple[str, ...]
) -> None:
    tree.put("/snapshots")
    tree.put("/nodes/pvchv2/activeschema", b"14")
    result = on_tree("schema", "apply", "--prune", *how, "-o", "json")
    error = error_of(result)
    assert (error["code"], error["kind"]) == (1, "refused")
    assert error["hint"] == "rerun once they follow, or override with --force"
    assert str(error["message"]).startswith("kept 1 znodes for now: the daemons of pvchv2 run another schema version")
    assert tree.client.exists("/snapshots")


def test_a_document_that_is_always_json_has_errors_that_are_json(on_tree: Pvc) -> None:
    error = error_of(on_tree("inventory", "--list", "-n"))
    assert (error["code"], error["kind"]) == (2, "usage")
    error = error_of(on_tree("inventory", "--list", "-t", "pvchv9"))
    assert (error["code"], error["kind"]) == (1, "not_found")


def test_findings_are_no_errors(on_tree: Pvc, tree: Tree) -> None:
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/used", b"True")
    result = on_tree("sriov", "vf", "audit", "-o", "json")
    assert (result.code, "error" in result.err) == (1, False)


def test_an_error_of_several_lines_is_one_for_programs_and_its_hint_the_way_out(pvc: Pvc) -> None:
    error = error_of(pvc("vm", "list", "-o", "json"))
    ways = (
        "save one with pvc connection add NAME HOST[:PORT],…, use one for this command with pvc --coordinators"
        " HOST[:PORT],… COMMAND, or try pvc on a demo cluster with pvc sandbox start"
    )
    assert (error["message"], error["hint"]) == (f"no cluster configured; {ways}", ways)


def test_an_error_object_has_the_characters_of_a_terminal_that_shows_them(on_tree: Pvc) -> None:
    assert "no VM 'café'" in on_tree("vm", "info", "café", "-o", "json").err.splitlines()[-1]
