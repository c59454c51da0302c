"""What the commands on saved connections share."""

import click

from pvc_cli.commands._common import complete
from pvc_cli.connections.saved import Connections
from pvc_cli.context import Context
from pvc_cli.errors import NotFoundError, quoted

name_argument = click.argument("name", shell_complete=complete.connections)


def load_with(name: str) -> Connections:
    """Return the connections that are kept, one of them called *name*."""
    connections = Connections.load()
    if name not in connections.hosts:
        raise NotFoundError(f"there is no connection {quoted(name)} in {connections.path}: see 'pvc connection list'")
    return connections


def save(context: Context, before: Connections, after: Connections, message: str, *, dry_run: bool) -> None:
    if dry_run:
        context.output.message(f"Dry run, nothing written: {message}")
    elif after == before:
        context.output.message(f"Unchanged: {message}")
    else:
        after.save()
        context.output.message(message)
