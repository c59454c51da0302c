"""Say which things were refused or failed: by reason, so that many of them do not flood the screen."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import click

from pvc_cli.context import Context
from pvc_cli.output.writer import Output

_MOST_REASONS = 10
_FIRST = 5


class Refusal(NamedTuple):
    """One thing that was refused or failed."""

    name: str
    status: str
    reason: str
    subject: str = ""
    """Which part of the thing, such as a tag."""


def is_verbose() -> bool:
    """Tell whether -v is given."""
    return cast("Context", click.get_current_context().obj).verbose


def dry_run_mark(dry_run: bool) -> str:
    """Return what a line of a dry run begins with that does not say "would"."""
    return "Dry run: " if dry_run else ""


def say_counts(output: Output, statuses: Sequence[str], *, dry_run: bool, things: str = "") -> None:
    """Say how many things became what, if there are several.

    :param things: what is counted, where that is not what the command line names.
    """
    if len(statuses) < 2:
        return
    kinds = ("changed", "unchanged", "refused", *(["failed"] if "failed" in statuses else []))
    counts = ", ".join(f"{statuses.count(kind)} {kind}" for kind in kinds)
    output.message(f"{dry_run_mark(dry_run)}{things and f'{things}: '}{counts}.")


def say_refusals(output: Output, refusals: Iterable[Refusal]) -> None:
    """Say what was refused or failed and why; what has one reason is one line, unless -v is given."""
    groups: dict[tuple[str, ...], list[Refusal]] = {}
    verbose = is_verbose()
    for refusal in refusals:
        name, *reason = refusal
        groups.setdefault((*reason, name) if verbose else tuple(reason), []).append(refusal)
    ordered = sorted(groups.values(), key=len, reverse=True)
    most = len(ordered) if verbose else _MOST_REASONS
    for group in ordered[:most]:
        output.error(_line(group))
    if rest := sum(map(len, ordered[most:])):
        output.error(f"{rest} more refused or failed: -v or -o json lists them all")


def _line(group: Sequence[Refusal]) -> str:
    name, status, reason, subject = group[0]
    if len(group) == 1:
        return f"{name}: {f'{subject} ' if subject else ''}{status}: {reason}"
    names = ", ".join(refusal.name for refusal in group[:_FIRST])
    more = f", and {len(group) - _FIRST} more: -v or -o json lists them all" if len(group) > _FIRST else ""
    return f"{len(group)} {status}{f' ({subject})' if subject else ''}: {reason} ({names}{more})"
