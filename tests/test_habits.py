"""What people type from habit: every answer names what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from pvc_cli import app, habits
from pvc_cli.cluster.vms.model import STATES
from pvc_cli.commands._common.advice import ACTS, MILD_ACTS, advise
from pvc_cli.commands._common.group import SYNONYMS, LazyGroup
from pvc_cli.errors import hint_word
from tests.command_tree import leaves, walk

TREE = dict(walk())
COMMANDS = {words[-1] for words in TREE}
OPTIONS = {name for command in (app.cli, *TREE.values()) for one in command.params for name in one.opts}
KNOWN: dict[habits.Kind, set[str]] = {"command": COMMANDS, "option": OPTIONS, "state": set(STATES)}


@pytest.mark.parametrize("kind", KNOWN)
def test_what_a_habit_means_is_a_name_of_this_pvc(kind: habits.Kind) -> None:
    # Where in the tree these are is judged for each group, below.
    names = {name.split()[0] for names in habits.MEANT[kind].values() for name in names}
    assert names <= KNOWN[kind]
    assert all(habits.meant(kind, word, KNOWN[kind]) for word in habits.MEANT[kind])


def groups() -> Iterator[tuple[str, LazyGroup, click.Context]]:
    """Every group, with its words and its context."""
    for words in ((), *TREE):
        context = click.Context(app.cli, info_name="pvc", **app.cli.context_settings)
        for word in words:
            assert isinstance(context.command, click.Group)
            command = context.command.get_command(context, word)
            assert command
            context = click.Context(command, context, word)
        if isinstance(context.command, LazyGroup):
            yield " ".join(words), context.command, context


GROUPS = {words: (group, context) for words, group, context in groups()}
WORDS = sorted({*habits.MEANT["command"], *SYNONYMS, *habits.WORDS_OF_OTHERS, *ACTS, *MILD_ACTS})


def named_in(advice: str, group: str) -> Iterator[str]:
    """The commands that *advice* in *group* names, in full, each with the options that go with it.

    Fails where there is no such command, or it has no such option.
    """
    for quoted in re.findall(r"(?<!\w)'([^']+)'", advice):
        words = quoted.split()[1:] if quoted.startswith("pvc ") else [*group.split(), *quoted.split()]
        command: click.Command = app.cli
        found = []
        for word in words:
            if word.startswith("-"):
                assert any(word in one.opts for one in command.params), quoted
            elif not word.isupper():
                assert isinstance(command, click.Group), quoted
                below = command.get_command(click.Context(command), word)
                assert below, quoted
                command = below
                found.append(word)
        yield " ".join(found)


def changes(command: click.Command) -> bool:
    """Tell whether *command* changes something, unasked: all that do have one of these options."""
    return command.name != "audit" and any({"--dry-run", "--yes"} & {*one.opts} for one in command.params)


def test_all_that_changes_something_is_known_to() -> None:
    # The agent has no dry run while it runs.
    assert {words[-1] for words, command in leaves() if changes(command)} | {"run"} == ACTS | MILD_ACTS
    assert not ACTS & MILD_ACTS


@pytest.mark.parametrize("words", GROUPS)
def test_a_habit_leads_to_a_change_only_where_that_is_what_it_means(words: str) -> None:
    group, context = GROUPS[words]
    for word in WORDS:
        if group.get_command(context, word):
            continue
        advice = advise(group, context, word)
        own = {f"{words} {name.split(' -')[0]}".strip() for name in habits.names_for("command", word)}
        for name in named_in(advice, words):
            is_change = changes(TREE[tuple(name.split())])
            assert not is_change or name in own or f"{words} {word}".strip() in habits.INSTEAD, (word, advice)


@pytest.mark.parametrize("words", GROUPS)
def test_a_typo_leads_to_nothing_that_destroys_or_moves(words: str) -> None:
    group, context = GROUPS[words]
    for name in COMMANDS:
        for typo in {name[:at] + name[at + 1 :] for at in range(len(name))} - {""}:
            if group.get_command(context, typo) is None and not habits.names_for("command", typo):
                led_to = {one.split()[-1] for one in named_in(advise(group, context, typo), words)}
                assert not led_to & ACTS, (typo, led_to)


@pytest.mark.parametrize(
    ("line", "was"),
    [
        ("sriov pf undrain", "drain"),
        ("sriov pf free", "rename"),
        ("vm restor", "restart"),
        ("vm revert", "restart"),
        ("vm demote", "move"),
        ("vm del", "tag remove"),
        ("vm erase", "tag remove"),
        ("vm save", "tag add"),
        ("delete", "connection remove"),
        ("rm", "connection remove"),
        ("destroy", "connection remove"),
        ("filter", "cluster"),
    ],
)
def test_a_word_does_not_lead_to_what_it_does_not_mean(line: str, was: str) -> None:
    *words, word = line.split()
    group, context = GROUPS[" ".join(words)]
    assert was not in advise(group, context, word)


@pytest.mark.parametrize("kind", ["option", "state"])
def test_a_word_of_habit_is_not_taken_for_a_misspelt_one(kind: habits.Kind) -> None:
    word = next(iter(habits.MEANT[kind]))
    assert hint_word(kind, word, [f"{word}x"], "nothing") == "nothing"


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
