"""Options and arguments that commands share, each declared once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from pvc_cli.commands import complete
from pvc_cli.context import Context
from pvc_cli.output import Format

Command = TypeVar("Command", bound=Callable[..., Any])
pass_context = click.make_pass_decorator(Context)

_FORMATS = ("table", "json", "yaml", "name")
_PVC_FORMATS: dict[str, Format] = {
    "pretty": "table",
    "raw": "name",
    "json": "json",
    "json-pretty": "json-pretty",
}


def output_option(command: Command) -> Command:
    """Add ``-o``, and ``-f`` as PVC's client spells it; the command gets one parameter, *style*."""

    @click.option("-o", "--output", "style", type=click.Choice(_FORMATS), help="How to show the result (table).")
    @click.option(
        "-f",
        "--format",
        "pvc_style",
        type=click.Choice(list(_PVC_FORMATS)),
        help="The same, as PVC's client spells it.",
    )
    @functools.wraps(command)
    def with_style(*args: Any, style: str | None, pvc_style: str | None, **kwargs: Any) -> Any:  # noqa: ANN401
        if style and pvc_style:
            raise click.UsageError("-o and -f say the same: give one of them")
        chosen = _PVC_FORMATS[pvc_style] if pvc_style else style or "table"
        return command(*args, style=chosen, **kwargs)

    return cast("Command", with_style)


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
secrets_option = click.option("--show-secrets", "secrets", is_flag=True, help="Show IPMI passwords.")
watch_option = click.option("--watch", is_flag=True, help="Show the list again whenever it changes, until Ctrl-C.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show the exact changes, and make none.")


def limit_options(command: Command) -> Command:
    """Add the options that select VMs by what they have in common."""
    for option in (
        click.option("-g", "--tag", "tags", multiple=True, metavar="TAG", shell_complete=complete.tags,
                     help="Only VMs with this tag; several mean all of them."),
        click.option("-s", "--state", metavar="STATE", shell_complete=complete.states,
                     help="Only VMs in this state."),
        click.option("-t", "--target", "node", metavar="NODE", shell_complete=complete.nodes,
                     help="Only VMs on this node."),
    ):  # fmt: skip
        command = option(command)
    return command


def backup_options(command: Command) -> Command:
    """Add the options that say where the backup goes that is made before a change."""
    for option in (
        click.option("--no-backup", is_flag=True, help="Make no backup."),
        click.option(
            "--backup",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Where the backup goes (pvc's own folder).",
        ),
    ):
        command = option(command)
    return command
