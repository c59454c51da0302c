from typing import Any

import click

from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands.connection._saved import PROTECTION_WORDS
from pvc_cli.connections.saved import Connections
from pvc_cli.output.cells import Cell, Row, flag_cell

_HEADERS = ("CURRENT", "NAME", "COORDINATORS", "PROTECTION")


@click.command("list")
@list_options(*_HEADERS, takes_several=False, things="connections")
@pass_context
def command(context: Context) -> None:
    """List saved connections.

    \b
    Example:
      pvc connection list
    """
    connections = Connections.load()
    show_records(
        context.output,
        sorted(connections.hosts),
        documents=for_each(lambda name: _document(connections, name)),
        names=for_each(str),
        headers=_HEADERS,
        rows=rows_of(lambda name: _row(connections, name)),
        nothing=f"No connections in {connections.path}: add one with 'pvc connection add NAME HOST[:PORT],…'.",
    )


def _row(connections: Connections, name: str) -> Row:
    protection = PROTECTION_WORDS[connections.protection(name)]
    current = flag_cell(name == connections.current, ("", "*"))
    return [current, Cell(name, "bold"), connections.hosts[name], protection]


def _document(connections: Connections, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "coordinators": connections.hosts[name],
        "current": name == connections.current,
        "protection": connections.protection(name),
    }
