"""What can be undone."""

import shlex
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from pvc_cli.commands._common.times import short_time_text
from pvc_cli.connections.history import list_entries
from pvc_cli.errors import PvcError, printable


def changes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer what is in the history, if it can be read; zsh and fish show when each was, and the command."""
    items = [CompletionItem("last", help="the last change")]
    with suppress(PvcError):
        items += [
            CompletionItem(entry.id, help=printable(f"{short_time_text(entry.time)}  {shlex.join(entry.command)}"))
            for entry in list_entries()
        ]
    return [item for item in items if item.value.startswith(incomplete)]
