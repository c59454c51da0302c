"""The file tree of the commands is the command tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import pvc_cli
from pvc_cli import app
from pvc_cli.commands._common.group import LazyGroup
from tests.command_tree import walk

PACKAGE = Path(pvc_cli.__file__).parent
COMMANDS = PACKAGE / "commands"
ALIASES = {
    ("connection", "rm"): ("connection", "remove"),
    ("fault", "rm"): ("fault", "delete"),
    ("key", "get"): ("key", "get"),
    ("network", "sriov", "vfs"): ("network", "sriov", "vf", "list"),
    ("node", "show"): ("node", "info"),
    ("nodes",): ("node", "list"),
    ("schema", "show"): ("schema", "show"),
    ("sriov",): ("network", "sriov"),
    ("storage", "pool", "ls"): ("storage", "pool", "list"),
    ("storage", "pools"): ("storage", "pool", "list"),
    ("storage", "snapshot"): ("storage", "volume", "snapshot"),
    ("storage", "snapshots"): ("storage", "volume", "snapshot", "list"),
    ("vm", "help"): ("help",),
    ("vm", "ls"): ("vm", "list"),
    ("vm", "show"): ("vm", "info"),
    ("vm", "tag", "get"): ("vm", "tag", "list"),
    ("vm", "tag", "rm"): ("vm", "tag", "remove"),
    ("vm", "tags"): ("vm", "tag", "list"),
    ("vms",): ("vm", "list"),
}


TREE = {words: command for words, command in walk() if words[:1] != ("sriov",)}


def file_of(words: tuple[str, ...]) -> Path:
    """Return the file that a newcomer would open first for the command of these words."""
    place = COMMANDS.joinpath(*words)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@pytest.mark.parametrize("words", TREE, ids=" ".join)
def test_a_command_is_defined_in_the_file_that_its_words_spell(words: tuple[str, ...]) -> None:
    tree = ast.parse(file_of(words).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    assert "command" in defined | assigned
    callback = TREE[words].callback
    assert callback is None or callback.__module__ == ".".join(("pvc_cli.commands", *words))


def test_every_file_is_a_command_or_what_its_neighbours_share() -> None:
    files = {file for file in COMMANDS.rglob("*.py") if "_common" not in file.parts}
    shared = {file for file in files if file.name.startswith("_") and file.name != "__init__.py"}
    assert files - shared - {COMMANDS / "__init__.py"} == {file_of(words) for words in TREE}


@pytest.mark.parametrize("alias", ALIASES, ids=" ".join)
def test_an_alias_is_the_very_same_command(alias: tuple[str, ...]) -> None:
    group: click.Command = TREE[alias[:-1]] if len(alias) > 1 else app.cli
    assert isinstance(group, click.Group)
    assert group.get_command(click.Context(group), alias[-1]) is TREE[ALIASES[alias]]


GROUPS = [(), *(words for words, command in TREE.items() if isinstance(command, click.Group))]


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_a_group_shows_each_of_its_commands_once_and_no_other_name(words: tuple[str, ...]) -> None:
    group = TREE[words] if words else app.cli
    assert isinstance(group, LazyGroup)
    context = click.Context(group, info_name="pvc", terminal_width=100, help_option_names=["-h", "--help"])
    section = group.get_help(context).partition("Show this message and exit.")[2].splitlines()[1:]
    shown = [line.split()[0] for line in section if line.startswith("  ")]
    assert sorted(shown) == group.list_commands(context)
    assert {name for names in group._sections.values() for name in names} in (set(), set(shown)), "sort these in, too"
    assert {item.value for item in group.shell_complete(context, "")} == set(shown)


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_every_list_is_found_as_ls_and_as_the_plural_of_its_group(words: tuple[str, ...]) -> None:
    group = TREE[words] if words else app.cli
    assert isinstance(group, LazyGroup)
    context = click.Context(group)
    for name in group._lines.keys() - {"sriov"}:
        listed = TREE.get((*words, name, "list"))
        if listed and f"{name}s" not in group._lines:
            assert group.get_command(context, f"{name}s") is listed
    if (*words, "list") in TREE:
        assert group.get_command(context, "ls") is TREE[*words, "list"]


@pytest.mark.parametrize("name", ["", "s", "ss", "lists", "vmss", "helps", "metas", "schemas"])
def test_a_plural_of_what_has_no_list_is_no_command(name: str) -> None:
    for group in (app.cli, TREE["vm",]):
        assert isinstance(group, LazyGroup)
        assert group.get_command(click.Context(group), name) is None


@pytest.mark.parametrize("words", TREE, ids=" ".join)
def test_the_line_in_a_groups_help_is_the_first_of_the_commands_own(words: tuple[str, ...]) -> None:
    group = TREE[words[:-1]] if len(words) > 1 else app.cli
    assert isinstance(group, LazyGroup)
    first = (TREE[words].help or "").partition("\n\n")[0]
    assert group._lines[words[-1]] == " ".join(first.split())


def functions(tree: ast.Module) -> Iterator[ast.AST]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def test_no_command_imports_anything_inside_a_function() -> None:
    inside = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file in COMMANDS.rglob("*.py")
        for function in functions(ast.parse(file.read_text()))
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert inside == []
