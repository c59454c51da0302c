"""Show a dry run, the same way for every command."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator

from pvc_cli.cluster.documents import changes_document
from pvc_cli.errors import printable, quoted_whole
from pvc_cli.output.writer import Output
from pvc_cli.zk import Change

_COLOURS = {"create": "green", "set": "yellow", "move": "blue", "delete": "red"}


def show_changes(output: Output, changes: Iterable[Change], *, secrets: bool = False) -> None:
    """Show what would be changed, every line marked "would": as a tree on a terminal, else flat.

    :param secrets: show secrets, too.
    """
    changes = changes if secrets else (change.masked() for change in changes)
    output.show(
        lambda: {"dry_run": True, **changes_document(list(changes))},
        names=lambda: [change.path for change in changes],
        table=lambda: "\n".join(_tree(output, changes) if sys.stdout.isatty() else map(_line, changes)),
    )


def summarise(output: Output, changes: Iterable[Change], mark: str = "  ") -> None:
    """Say how much would be changed where, each line begun with *mark*."""
    counts: dict[str, Counter[str]] = {}
    for change in changes:
        counts.setdefault(change.path.split("/")[1], Counter())[change.action] += 1
    for root, actions in sorted(counts.items()):
        output.message(f"{mark}/{root}: {', '.join(f'{count} to {action}' for action, count in actions.items())}")


def _line(change: Change) -> str:
    return f"would {change.action} {printable(change.path)}{_details(change)}"


def _details(change: Change) -> str:
    value = "" if change.value is None else f" = {quoted_whole(change.value)}"
    target = "" if change.to is None else f" to {printable(change.to)}"
    return target + value


def _tree(output: Output, changes: Iterable[Change]) -> Iterator[str]:
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
