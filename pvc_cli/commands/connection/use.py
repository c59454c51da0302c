"""``pvc connection use``."""

from __future__ import annotations

import dataclasses

import click

from pvc_cli.commands._common.options import dry_run_option, pass_context
from pvc_cli.commands.connection._saved import load_with, name_argument, save
from pvc_cli.context import Context


@click.command("use")
@name_argument
@dry_run_option
@pass_context
def command(context: Context, name: str, dry_run: bool) -> None:
    """Make a connection the current one: what pvc uses where nothing else is said.

    \b
    Example:
      pvc connection use prod
    """
    connections = load_with(name)
    changed = dataclasses.replace(connections, current=name)
    save(context, connections, changed, f"Connection {name} is current.", dry_run=dry_run)
