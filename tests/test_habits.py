"""What people type from habit: every answer names what there is."""

from __future__ import annotations

import click
import pytest

from pvc_cli import app, habits
from pvc_cli.cluster.vms.model import STATES
from tests.command_tree import walk

TREE = dict(walk())
COMMANDS = {words[-1] for words in TREE}
OPTIONS = {name for command in (app.cli, *TREE.values()) for one in command.params for name in one.opts}
KNOWN: dict[habits.Kind, set[str]] = {"command": COMMANDS, "option": OPTIONS, "state": set(STATES)}


@pytest.mark.parametrize("kind", KNOWN)
def test_what_a_habit_means_is_a_name_of_this_pvc(kind: habits.Kind) -> None:
    names = {name.split()[0] for names in habits.MEANT[kind].values() for name in names}
    assert names <= KNOWN[kind]
    assert all(habits.meant(kind, word, KNOWN[kind]) for word in habits.MEANT[kind])


@pytest.mark.parametrize("words", habits.INSTEAD)
def test_what_has_another_command_instead_is_none_itself(words: str) -> None:
    *path, name = words.split()
    group: click.Command | None = app.cli
    for one in path:
        assert isinstance(group, click.Group)
        group = group.get_command(click.Context(group), one)
    assert isinstance(group, click.Group)
    assert group.get_command(click.Context(group), name) is None


def test_of_several_names_the_first_that_there_is_is_meant() -> None:
    assert habits.meant("command", "destroy", ["stop", "start"]) == ["stop"]
    assert habits.meant("command", "destroy", ["stop", "delete"]) == ["delete"]
    assert habits.meant("command", "destroy", ["list"]) == []
    assert habits.meant("state", "Running", STATES) == ["start"]
    assert habits.meant("option", "--json", ["-o", "--output"]) == ["-o json"]
