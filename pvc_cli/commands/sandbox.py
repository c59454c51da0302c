"""``pvc sandbox``: run a demo cluster on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import output_option, pass_context
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output import Format

if TYPE_CHECKING:
    from pvc_cli.sandbox.control import Sandbox


@click.group(cls=LazyGroup)
def sandbox() -> None:
    """Run a demo cluster on this machine, to try pvc on.

    It is a real ZooKeeper on the loopback interface. While it runs, pvc uses it where nothing else is said.
    """


@sandbox.command("start")
@click.option(
    "--servers", type=click.Choice(("1", "3")), default="1", help="One ZooKeeper server, or an ensemble (1)."
)
@click.option("--vms", type=click.IntRange(0, 200_000), default=20, metavar="N", help="How many VMs it has (20).")
@click.option("--schema-version", type=int, metavar="N", help="Its schema version (the newest).")
@output_option
@pass_context
def start(context: Context, servers: str, vms: int, schema_version: int | None, style: Format) -> None:
    """Start a sandbox, filled with a demo cluster.

    \b
    Example:
      pvc sandbox start --vms 100 --schema-version 0
    """
    from pvc_cli.sandbox import control

    started = control.start(servers=int(servers), vms=vms, schema_version=schema_version)
    if style == "table":
        context.output.message(
            f"The sandbox runs at {started.hosts}: {started.vms} VMs, schema version {started.schema_version}."
            " Try 'pvc vm list'; end it with 'pvc sandbox stop'."
        )
    else:
        _show(context, started, style)


@sandbox.command("status")
@output_option
@pass_context
def status(context: Context, style: Format) -> None:
    """Say whether a sandbox runs, and where; exit 1 if none does.

    \b
    Example:
      pvc sandbox status -o json
    """
    from pvc_cli.sandbox import control

    running = control.status()
    if running:
        _show(context, running, style)
    else:
        context.output.message("No sandbox runs: start one with 'pvc sandbox start'.")
        click.get_current_context().exit(EXIT_REFUSED)


def _show(context: Context, sandbox: Sandbox, style: Format) -> None:
    context.output.show(
        style,
        lambda: asdict(sandbox),
        names=lambda: [sandbox.hosts],
        table=lambda: context.output.fields(
            [
                ("Coordinators", sandbox.hosts),
                ("Processes", ", ".join(map(str, sandbox.processes))),
                ("VMs", f"{sandbox.vms} at the start"),
                ("Schema", f"version {sandbox.schema_version} at the start"),
            ]
        ),
    )


@sandbox.command("stop")
@pass_context
def stop(context: Context) -> None:
    """End the sandbox and delete its data; fine if none runs.

    \b
    Example:
      pvc sandbox stop
    """
    from pvc_cli.sandbox import control

    context.output.message("The sandbox is gone." if control.stop() else "No sandbox runs.")
