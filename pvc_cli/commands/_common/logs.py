"""Show the end of a log in the tree, and what is added to it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from pvc_cli.commands._common.command import Command
from pvc_cli.commands._common.values import Number
from pvc_cli.errors import EXIT_INTERRUPTED, NotFoundError, printable
from pvc_cli.output.writer import Output
from pvc_cli.zk import Key, ZKHandler

_MOST = 1_000_000


def log_options(command: Command) -> Command:
    """Add how much of a log to show."""
    for option in (
        click.option("-f", "--follow", is_flag=True, help="Show what is added, until Ctrl-C."),
        click.option(
            *("-l", "--lines"),
            type=Number(0, _MOST),
            default=1000,
            show_default=True,
            metavar="N",
            help="Last lines to show.",
        ),
    ):
        command = option(command)
    return command


def show_log(
    output: Output, handler: ZKHandler, key: Key, name: str, missing: str, *, lines: int, follow: bool
) -> int:
    """Print the last *lines* of the log at *key*, then what is added, to *follow* it.

    :param name: whose log it is: an empty one is told of.
    :param missing: what to say if there is none.
    :raises NotFoundError: if there is none.
    """
    text = handler.read(key)
    if text is None:
        raise NotFoundError(missing)
    if not text:
        output.message(f"{name} has no log.")
    _print(text.splitlines()[-lines:] if lines else [])
    if not follow:
        return 0
    watcher = handler.watcher()
    try:
        while True:
            watcher.watch(values=[key])
            now = handler.read(key) or ""
            _print(added(text, now))
            text = now
            watcher.wait()
            watcher.fired()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def added(before: str, now: str) -> list[str]:
    """Return the lines that a log got: its writer adds some at the end, and drops old ones at the beginning."""
    old, new = before.splitlines(), now.splitlines()
    if new[: len(old)] == old:
        return new[len(old) :]
    best = end_of_best = 0
    for end in range(1, len(new) + 1):
        common = min(end, len(old))
        if common > best and new[end - common : end] == old[-common:]:
            best, end_of_best = common, end
    return new[end_of_best:]


def _print(lines: list[str]) -> None:
    write: Callable[[str], object] = sys.stdout.write
    for line in lines:
        write(f"{printable(line)}\n")
    sys.stdout.flush()
