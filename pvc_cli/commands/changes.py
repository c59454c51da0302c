"""How every command that changes something shows a dry run, and how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pvc_cli.errors import quoted
from pvc_cli.output import Format, Output

if TYPE_CHECKING:
    from pvc_cli.zk import Change


def show_changes(output: Output, style: Format, changes: Sequence[Change]) -> None:
    """Show what would be changed, every line marked as no more than that."""
    from pvc_cli.cluster.documents import changes_document

    output.show(
        style,
        lambda: changes_document(changes),
        names=lambda: [change.path for change in changes],
        table=lambda: "\n".join(map(_line, changes)),
    )


def _line(change: Change) -> str:
    value = "" if change.value is None else f" = {quoted(change.value)}"
    target = "" if change.to is None else f" to {quoted(change.to)}"
    return f"would {change.action} {change.path}{target}{value}"


@contextmanager
def progress_bar(output: Output, length: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    """Give a function that advances a bar on standard error; no bar where that is no terminal."""
    if not shown or output.quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, show_pos=True, file=sys.stderr) as bar:
        yield bar.update
