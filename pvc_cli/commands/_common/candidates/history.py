"""What can be undone."""

from contextlib import suppress

import click

from pvc_cli.connections.history import list_entries
from pvc_cli.errors import PvcError


def changes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer what is in the history, if it can be read."""
    names = ["last"]
    with suppress(PvcError):
        names += [entry.id for entry in list_entries()]
    return [name for name in names if name.startswith(incomplete)]
