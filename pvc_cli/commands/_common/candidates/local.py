"""What is on this machine: columns of lists, saved connections and sandboxes."""

import os
from pathlib import Path

import click

from pvc_cli.connections.resolve import FILE, SANDBOX
from pvc_cli.connections.sandbox import sandbox_hosts
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import PvcError
from pvc_cli.output.layout import word_for


def columns(_context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the columns of a list, one after the other; behind a minus, too. They go on in the case that is typed."""
    begun = incomplete.rpartition(",")[2].removeprefix("-").upper()
    names = dict.fromkeys(map(word_for, getattr(parameter, "known", ())))
    rests = [name.removeprefix(begun) for name in names if name.startswith(begun)]
    letters = [letter for letter in incomplete if letter.isalpha()]
    is_lower = bool(letters) and letters[-1].islower()
    return [incomplete + (rest.lower() if is_lower else rest) for rest in rests]


def clusters(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer saved connections, a sandbox that runs, and files behind ``file:``, one after the other; each once."""
    before, comma, word = incomplete.rpartition(",")
    named = before.split(",")
    names = connections(context, parameter, word)
    if SANDBOX.startswith(word) and SANDBOX not in names and sandbox_hosts():
        names.append(SANDBOX)
    if word.startswith(FILE):
        names += [FILE + path for path in _paths(word.removeprefix(FILE)) if "," not in path]
    elif word and FILE.startswith(word):
        names.append(FILE)
    return [f"{before}{comma}{name}" for name in names if name not in named]


def _paths(begun: str) -> list[str]:
    """Return the files and folders that a path may go on with, as it was begun; folders end in a slash."""
    folder, slash, start = begun.rpartition("/")
    try:
        with os.scandir(Path(folder + slash or ".").expanduser()) as entries:
            found = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
    except (OSError, RuntimeError, ValueError):
        return []
    # Like a shell: what begins with a dot is shown to those who type it.
    shown = (name for name in found if name.startswith(start) and name.startswith(".") <= start.startswith("."))
    return [folder + slash + name for name in shown if name.isprintable()]


def connections(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the entries of the connections file."""
    try:
        names = sorted(Connections.load().hosts)
    except PvcError:
        return []
    return [name for name in names if name.startswith(incomplete)]
