from typing import Any

import click

from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.connections.saved import Connections
from pvc_cli.output.writer import Cell


@click.command("list")
@output_option
@pass_context
def command(context: Context) -> None:
    """List saved connections.

    \b
    Example:
      pvc connection list
    """
    connections = Connections.load()
    entries = sorted(connections.hosts.items())
    output = context.output
    output.show(
        lambda: [_document(connections, name) for name, _ in entries],
        names=lambda: [name for name, _ in entries],
        table=lambda: output.table(
            ("", "NAME", "COORDINATORS"),
            [["*" if name == connections.current else "", Cell(name, "bold"), hosts] for name, hosts in entries],
        ),
    )
    if not entries:
        output.message(f"No connections in {connections.path}: add one with 'pvc connection add NAME HOST[:PORT],…'.")


def _document(connections: Connections, name: str) -> dict[str, Any]:
    return {"name": name, "coordinators": connections.hosts[name], "current": name == connections.current}
