"""How every command that changes something shows a dry run, and how far it is."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pvc_cli.errors import RefusedError, printable, quoted
from pvc_cli.output import Format, Output

if TYPE_CHECKING:
    from pvc_cli.zk import Change

_COLOURS = {"create": "green", "set": "yellow", "move": "blue", "delete": "red"}


def show_changes(output: Output, style: Format, changes: Sequence[Change], *, secrets: bool = False) -> None:
    """Show what would be changed, every line marked as no more than that: as a tree on a terminal, else flat.

    :param secrets: show secrets, too.
    """
    from pvc_cli.cluster.documents import changes_document
    from pvc_cli.cluster.secrets import masked

    changes = changes if secrets else masked(changes)
    output.show(
        style,
        lambda: changes_document(changes),
        names=lambda: [change.path for change in changes],
        table=lambda: "\n".join(_tree(output, changes) if sys.stdout.isatty() else map(_line, changes)),
    )


def summarise(output: Output, changes: Sequence[Change]) -> None:
    """Say how much would be changed where, for whoever is about to be asked."""
    counts: dict[str, Counter[str]] = {}
    for change in changes:
        counts.setdefault(change.path.split("/")[1], Counter())[change.action] += 1
    for root, actions in sorted(counts.items()):
        output.message(f"  /{root}: {', '.join(f'{count} to {action}' for action, count in actions.items())}")


def _line(change: Change) -> str:
    return f"would {change.action} {printable(change.path)}{_details(change)}"


def _details(change: Change) -> str:
    value = "" if change.value is None else f" = {quoted(change.value)}"
    target = "" if change.to is None else f" to {printable(change.to)}"
    return target + value


def _tree(output: Output, changes: Sequence[Change]) -> Iterator[str]:
    """Yield the lines of *changes* as a tree, each parent shown once as long as the changes stay below it."""
    shown: list[str] = []
    for change in changes:
        names = change.path.strip("/").split("/")
        common = 0
        while common < min(len(shown), len(names) - 1) and shown[common] == names[common]:
            common += 1
        for depth in range(common, len(names) - 1):
            yield f"{'':14}{'  ' * depth}/{printable(names[depth])}"
        mark = output.paint(f"would {change.action}".ljust(14), _COLOURS[change.action])
        yield f"{mark}{'  ' * (len(names) - 1)}/{printable(names[-1])}{_details(change)}"
        shown = names


@contextmanager
def progress_bar(output: Output, length: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    """Give a function that advances a bar on standard error; no bar where that is no terminal."""
    if not shown or output.quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, show_pos=True, file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def step_bar(output: Output) -> Iterator[Callable[[int, int], None]]:
    """Give a function that is told how many steps are done, of how many; a bar on standard error shows it."""
    if output.quiet or not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    with click.progressbar(length=0, show_pos=True, file=sys.stderr) as bar:

        def step(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield step


@contextmanager
def until_interrupted() -> Iterator[Callable[[], None]]:
    """Give a function that raises where Ctrl-C was pressed since: the place to stop is chosen, not hit upon.

    Pressed a second time, it stops at once.
    """
    pressed = False

    def note(_signal: int, _frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* on the terminal, unless it is answered already.

    :raises RefusedError: if the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError(f"this asks first, and there is no terminal to ask on: give --yes ({question})")
    if not click.confirm(question, err=True):
        raise RefusedError("nothing was changed")
