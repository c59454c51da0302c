"""One language to select VMs: the same options with the same meaning in every list and change."""

from __future__ import annotations

import functools
import json

import click
import pytest

from pvc_cli.commands._common.selecting import FILTER_OPTIONS
from tests.command_tree import walk
from tests.conftest import Pvc, Tree


def options(command: click.Command) -> dict[str, tuple[object, ...]]:
    """Return what each option of *command* takes and says, by the name of its value."""
    return {
        str(option.name): (sorted(option.opts), str(option.type), option.metavar, option.multiple, option.help)
        for option in command.params
        if isinstance(option, click.Option)
    }


@click.command()
def every_filter() -> None:
    """Have every filter."""


FILTERS = options(functools.reduce(lambda command, option: option(command), FILTER_OPTIONS, every_filter))
SELECTING = {" ".join(words): command for words, command in walk() if "states" in options(command)}


def test_these_commands_select_vms() -> None:
    assert {"vm list", "inventory", "vm tag add", "vm tag remove", "vm stop", "vm move", "vm meta set"} <= set(
        SELECTING
    )


@pytest.mark.parametrize("words", SELECTING)
def test_a_command_that_selects_vms_has_every_filter_with_the_same_meaning(words: str) -> None:
    found = options(SELECTING[words])
    assert {name for name, one in FILTERS.items() if found.get(name) != one} <= {"nodes"}
    # Commands that move VMs have --from for it: there, -t is the node to move to.
    assert found["nodes"][1:] == FILTERS["nodes"][1:]
    assert found["nodes"] == FILTERS["nodes"] or found["nodes"][0] == ["--from"]


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        (("-s", "!strat"), "PVC has no state 'strat': did you mean 'start'?"),
        (("-s", "start,fial"), "PVC has no state 'fial': did you mean 'fail'?"),
        (("-n", "-s", "strat"), "PVC has no state 'strat': did you mean 'start'?"),
        (("-g", "!produciton"), "no VM has a tag 'produciton': did you mean 'production'?"),
        (("--without-tag", "produciton"), "no VM has a tag 'produciton': did you mean 'production'?"),
        (("-n", "-g", "produciton"), "no VM has a tag 'produciton': did you mean 'production'?"),
    ],
)
def test_a_misspelt_exclusion_changes_nothing(on_tree: Pvc, tree: Tree, chosen: tuple[str, ...], error: str) -> None:
    before = tree.dump()
    for command in (("stop", "--yes"), ("tag", "add", "blue")):
        result = on_tree("vm", *command, *chosen)
        code = 2 if "state" in error else 1
        assert (result.code, result.out, result.err) == (code, "", f"Error: {error}\n")
    assert tree.dump() == before


def test_an_exclusion_of_a_tag_that_resembles_none_is_taken(on_tree: Pvc) -> None:
    for chosen in (("-g", "!zz"), ("--without-tag", "zz"), ("-s", "!st*"), ("-g", "!pro*")):
        listed = on_tree("vm", "list", *chosen, "-o", "name")
        changed = on_tree("vm", "tag", "add", "blue", *chosen, "--dry-run", "-o", "name")
        assert (changed.code, changed.out) == (0, listed.out)


def test_a_tag_that_could_be_a_list_of_tags_is_neither_without_a_word(on_tree: Pvc, tree: Tree) -> None:
    """PVC makes such tags; a command must not turn to other VMs because commas mean something now."""
    for vm, tag in (("db-01", "blue,green"), ("web-02", "green")):
        for key, value in (("", tag), ("/type", "user"), ("/protected", "False")):
            tree.put(f"/domains/{tree.uuid(vm)}/tags/{tag}{key}", value.encode())
    before = tree.dump()
    for words in (
        "vm list -g blue,green",
        "vm stop -g blue,green",
        "vm stop -g !blue,green -y",
        "vm tag list -g blue,green",
    ):
        result = on_tree(*words.split())
        assert (result.code, result.err) == (
            1,
            "Error: 'blue,green' is a tag, and could be a list of tags: use 'blue?green' for the tag,"
            " or '[b]lue,green' for the list\n",
        )
    assert tree.dump() == before
    assert on_tree("vm", "list", "-g", "blue?green", "-o", "name").out == "db-01\n"
    assert on_tree("vm", "list", "-g", "[b]lue,green", "-o", "name").out == "web-02\n"


def test_a_mac_address_is_compared_by_its_value(on_tree: Pvc, tree: Tree) -> None:
    mac = json.loads(on_tree("vm", "info", "web-01", "-o", "json").out)["networks"][0]["mac"]
    digits = mac.replace(":", "")
    for spelling in (
        mac.upper(),
        mac.replace(":", "-"),
        digits,
        f"{digits[:4]}.{digits[4:8]}.{digits[8:].upper()}",
    ):
        assert on_tree("vm", "list", "--mac", spelling, "-o", "name").out == "web-01\n"
    before = tree.dump()
    for garbage in ("garbage", "", mac[:-1], mac.replace(":", "-", 1), f"{mac}:00"):
        for words in ("vm list", "vm stop -y", "vm tag add blue"):
            result = on_tree(*words.split(), "--mac", garbage)
            assert (result.code, result.out, result.err) == (
                2,
                "",
                f"Error: invalid MAC address '{garbage}': give one like 52:54:00:12:34:56\n",
            )
    assert tree.dump() == before


def test_names_are_judged_before_the_pattern(on_tree: Pvc) -> None:
    result = on_tree("vm", "list", "--name", "web-*", "1$", "-o", "name")
    assert (result.code, result.out) == (0, "web-01\n")
    assert on_tree("vm", "list", "--name", "wbe-01", "1$").err == (
        "Error: there is no VM 'wbe-01': did you mean 'web-01'?\n"
    )


@pytest.mark.parametrize("amount", ["16B", "16iB", "16 iB", "1.5G", "-1", ""])
def test_an_amount_of_memory_is_in_units_that_there_are(on_tree: Pvc, amount: str) -> None:
    assert "is not an amount of memory: give MiB, or 16G" in on_tree("vm", "list", f"--min-memory={amount}").err
