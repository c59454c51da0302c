import shlex
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import click

from pvc_cli.cluster.undo import plan_undo, undoable
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.entries import entry_argument
from pvc_cli.commands._common.outcomes import carry_out
from pvc_cli.commands._common.progress import Deed, ask_many, confirm
from pvc_cli.connections.cluster_id import ClusterId, identify, unsure
from pvc_cli.connections.entry import Entry
from pvc_cli.connections.entry_file import Recorded
from pvc_cli.connections.history import find_entry, newest_standing, renewed
from pvc_cli.connections.resolve import FILE
from pvc_cli.errors import RefusedError
from pvc_cli.output.writer import Output


@click.command("undo")
@entry_argument
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, name: str, yes: bool, dry_run: bool) -> int:
    """Undo what a command changed: all that nobody has changed since.

    ID is one of 'pvc history list', or its beginning, or last. What was changed again since is refused by name, and
    the rest is undone. What daemons act on, such as a VM's state, and the schema version are not undone. To redo what
    was undone, give the ID of the undo: last never redoes anything.

    \b
    Example:
      pvc vm tag add web-01 blue && pvc undo last --dry-run
    """
    found = None if name == "last" else find_entry(name)
    with connect(context) as handler:
        here = identify(handler)
        entry, recorded = found or find_entry(name, here)
        _require_same(entry, here)
        if not (changes := recorded.changes) and not entry.why_incomplete:
            context.output.message(f"Nothing to undo: all that {entry.id} changed, it took back itself.")
            return 0
        if name == "last":
            _require_plain(entry, recorded, here)
            context.output.message(f"The last change was: {shlex.join(entry.command)}")
        elif doubt := _doubt(entry, recorded):
            if dry_run:
                context.output.warning(f"{entry.id} {doubt.why}.")
            else:
                confirm(f"{entry.id} {doubt.why}. {doubt.question}", yes=yes)
        context.undoes = entry.id
        items, locks = undoable(handler, renewed(entry, changes))
        _say_left_out(context.output, locks)
        ask_many(Deed(f"undo {entry.id} on"), "items", items, yes=yes, dry_run=dry_run)
        return carry_out(context.output, handler, items, plan_undo(entry.id), dry_run=dry_run)


def _require_same(entry: Entry, here: ClusterId) -> None:
    """Check that the cluster in use is the one that was changed, by a command that has ended.

    :raises RefusedError: if it is another one, or a copy, or the command runs.
    """
    if entry.cluster.is_copy(here):
        raise RefusedError(unsure(entry.cluster, here, f"that {entry.id} changed"))
    if not entry.cluster.is_same(here):
        raise RefusedError(f"{entry.id} changed another cluster: {_to_use(entry.cluster.hosts)}")
    if entry.state == "running":
        raise RefusedError(f"{entry.id} {entry.how_it_ended}: wait until it ends, or stop it, then undo it")


def _require_plain(entry: Entry, recorded: Recorded, here: ClusterId) -> None:
    """Check that the last change can be undone without a choice.

    :raises RefusedError: if it is in doubt, or an undo.
    """
    if doubt := _doubt(entry, recorded):
        raise RefusedError(f"the last change, {entry.id}, {doubt.why}: {doubt.advice}")
    if entry.undoes:
        why = f"the last change was an undo (of {entry.undoes}), and undoing it would redo that"
        redo = f"'pvc undo {entry.id}' to redo it"
        standing = newest_standing(here, entry.undoes)
        if standing is None:
            raise RefusedError(f"{why}: run {redo}; no earlier change is left to undo")
        undo, what = f"'pvc undo {standing.entry.id}'", shlex.join(standing.entry.command)
        if standing.in_part:
            raise RefusedError(f"{why}: a part of a change stands: {undo} finishes it ({what}); or run {redo}")
        raise RefusedError(f"{why}: run {redo}, or {undo} to undo the last change that stands: {what}")


def _say_left_out(output: Output, locks: Sequence[str]) -> None:
    """Say that places in the queues for *locks* are not restored."""
    for lock, count in Counter(locks).items():
        contenders, they = ("contender", "it") if count == 1 else ("contenders", "they")
        output.message(f"Left out: {count} stuck lock {contenders} on {lock}: restored, {they} would block PVC.")


class _Doubt(NamedTuple):
    """Why an undo may not do what is expected of it."""

    why: str
    question: str
    advice: str
    """What to do about the last change."""


def _doubt(entry: Entry, recorded: Recorded) -> _Doubt | None:
    """Return why to ask before a change is undone: it may be another's, or it is not all of it.

    :raises RefusedError: if nothing of it is known.
    """
    if entry.why_incomplete:
        restore = "restore the backup that was made before it, with 'pvc cluster restore'"
        if not recorded.changes:
            raise RefusedError(f"{entry.id} {entry.why_incomplete}, and nothing of it is there: {restore}")
        return _Doubt(
            entry.why_incomplete,
            "Undo the part that is known?",
            f"{restore}, or undo the part that is known with 'pvc undo {entry.id}'",
        )
    if recorded.unfinished:
        return _Doubt(
            f"{entry.how_it_ended}, and whether it made its last change itself is unknown",
            "Undo what is as it would have left it?",
            f"see 'pvc history show {entry.id}', then run 'pvc undo {entry.id}', or choose an earlier change from"
            " 'pvc history list'",
        )
    return None


def _to_use(hosts: str) -> str:
    """Return how to use the cluster at *hosts*."""
    if hosts.startswith(FILE):
        return f"use --write -c {shlex.quote(hosts)}"
    return f"use --coordinators {hosts}, or a connection to it"
