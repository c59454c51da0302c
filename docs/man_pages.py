"""Write a manual page for every command, from the same texts as its help: `make man`."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import click
from click_man.core import write_man_pages

from pvc_cli import __version__
from pvc_cli.app import cli

TARGET = Path(__file__).parents[1] / "man"


def load(command: click.Command) -> None:
    """Import what a group would import only when it is used."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            deeper = command.get_command(context, name)
            if deeper:
                command.commands[name] = deeper
                load(deeper)


def main() -> None:
    """Write all pages anew, dated by SOURCE_DATE_EPOCH where that is set."""
    TARGET.mkdir(exist_ok=True)
    for page in TARGET.glob("*.1"):
        page.unlink()
    load(cli)
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or Path(__file__).stat().st_mtime)
    date = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).date().isoformat()
    write_man_pages("pvc", cli, version=__version__, target_dir=str(TARGET), date=date)


if __name__ == "__main__":
    main()
