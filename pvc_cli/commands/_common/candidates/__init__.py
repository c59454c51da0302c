"""Completion from the live cluster: within half a second, or nothing; never an error.

Each kind of candidate is in the module that imports what it needs: every press of the tab key pays for that.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from pvc_cli.connections.session import connect
from pvc_cli.context import Context
from pvc_cli.errors import PvcError
from pvc_cli.zk import ZKHandler

_PATIENCE = 0.4
Completer = Callable[[click.Context, click.Parameter, str], list[str]]
"""Returns what may take the place of a word, as text: Click would make another item of each item."""


def from_cluster(look: Callable[[ZKHandler, Mapping[str, Any]], Iterable[str]]) -> Completer:
    """Return a completer that offers what *look* finds, given the words typed so far, and the ``incomplete`` one."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        options = context.find_root().params
        target = Context(options.get("connection"), options.get("coordinators"), timeout=_PATIENCE)
        target.output.style = "name"
        found: list[str] = []

        def search() -> None:
            # Never complain about a half-typed line: errors show when the command is run.
            try:
                with connect(target) as handler:
                    found.extend(look(handler, {**context.params, "incomplete": incomplete}))
            except (PvcError, OSError):
                found.clear()

        searcher = threading.Thread(target=search, daemon=True)
        searcher.start()
        searcher.join(_PATIENCE)
        if searcher.is_alive():
            return []
        return [name for name in found if name.startswith(incomplete) and name.isprintable()]

    return complete


def listed(complete: Completer) -> Completer:
    """Return a completer of words with commas between, each with a ``!`` in front or not, none of them twice."""

    def complete_last(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        before, comma, word = incomplete.rpartition(",")
        start = f"{before}{comma}{'!' if word.startswith('!') else ''}"
        named = {one.removeprefix("!") for one in before.split(",")}
        found = complete(context, parameter, word.removeprefix("!"))
        # A name with a comma would be two words.
        return [start + name for name in found if name not in named and "," not in name]

    return complete_last
