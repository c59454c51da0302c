"""What is on this machine: columns of lists, saved connections and sandboxes."""

import click

from pvc_cli.connections.resolve import SANDBOX
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import PvcError
from pvc_cli.output.layout import word_for


def columns(_context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the columns of a list, one after the other; behind a minus, too."""
    before, comma, word = incomplete.rpartition(",")
    start = f"{before}{comma}{'-' if word.startswith('-') else ''}"
    names = dict.fromkeys(map(word_for, getattr(parameter, "known", ())))
    return [f"{start}{name}" for name in names if name.startswith(word.removeprefix("-").upper())]


def clusters(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the saved connections and a sandbox that runs, one after the other; each once."""
    before, comma, word = incomplete.rpartition(",")
    named = before.split(",")
    names = connections(context, parameter, word)
    if SANDBOX.startswith(word) and SANDBOX not in names and sandbox_hosts():
        names.append(SANDBOX)
    return [f"{before}{comma}{name}" for name in names if name not in named]


def connections(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the entries of the connections file."""
    try:
        names = sorted(Connections.load().hosts)
    except PvcError:
        return []
    return [name for name in names if name.startswith(incomplete)]
