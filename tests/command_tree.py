"""Every command there is."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pvc_cli import app

Words = tuple[str, ...]


def walk(group: click.Group = app.cli, words: Words = ()) -> Iterator[tuple[Words, click.Command]]:
    """Yield every command below *group*, groups included, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from walk(command, (*words, name))


def leaves() -> Iterator[tuple[Words, click.Command]]:
    """Yield every command that is not a group, with its words."""
    return ((words, command) for words, command in walk() if not isinstance(command, click.Group))
