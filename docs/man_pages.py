"""Write a manual page for every command, from the same texts as its help: `make man`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
from click_man.core import write_man_pages

from pvc_cli import __version__
from pvc_cli.app import cli

_EXAMPLES = re.compile(r"^\.PP\n\x08\nExamples?:\n((?: .*\n)+)", re.MULTILINE)
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


def with_examples(page: str) -> str:
    """Give a page's examples a section of their own, their lines and their hyphens as they are typed.

    click-man passes Click's mark for such paragraphs on to a reader's terminal.
    """
    return _EXAMPLES.sub(lambda found: ".SH EXAMPLES\n.nf\n" + found[1].replace("-", r"\-") + ".fi\n", page)


def main() -> None:
    """Write all pages anew, dated by SOURCE_DATE_EPOCH where that is set."""
    TARGET.mkdir(exist_ok=True)
    for page in TARGET.glob("*.1"):
        page.unlink()
    load(cli)
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(int(Path(__file__).stat().st_mtime)))
    write_man_pages("pvc", cli, version=__version__, target_dir=str(TARGET))
    for page in TARGET.glob("*.1"):
        page.write_text(with_examples(page.read_text()))


if __name__ == "__main__":
    main()
