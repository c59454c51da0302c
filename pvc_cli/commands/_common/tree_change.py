"""Change a whole tree from a command: show the plan, ask, back up, carry it out, print what was done."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pvc_cli.commands._common.changes import show_changes
from pvc_cli.commands._common.progress import confirm, progress_bar, until_interrupted
from pvc_cli.context import Context
from pvc_cli.errors import ConfigError
from pvc_cli.files import write_file
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.backup import encode_backup, read_backup
from pvc_cli.zk.migration.locked import Hooks, PlanT, TreeChange

_WORDS = {"create": "created", "move": "moved", "set": "set", "delete": "deleted"}


def preview(
    context: Context, change: TreeChange[PlanT], announce: Callable[[PlanT], None], *, secrets: bool = False
) -> None:
    """Show a dry run."""
    plan = change.plan(context.output.warning)
    announce(plan)
    show_changes(context.output, plan.changes(), secrets=secrets)
    counts = Counter[str](change.action for change in plan.changes())
    context.output.message(f"Dry run: {', '.join(f'{counts[action]} to {action}' for action in _WORDS)}.")


def carry_out(
    context: Context,
    change: TreeChange[PlanT],
    *,
    announce: Callable[[PlanT], None],
    question: Callable[[PlanT], str],
    nothing: str,
    yes: bool,
    back_up: Callable[[PlanT], None] = lambda _: None,
) -> tuple[PlanT, str] | None:
    """Carry out *change*, having asked; return what was done, and how much in words, or None for nothing.

    :param announce: says what would be changed: before the question, or under the lock if there is none.
    :param question: what to ask; empty for a plan that is nothing to ask about.
    :param nothing: why there may be nothing to do.
    :param back_up: is called under the lock, before the first change.
    """
    output = context.output
    if not yes:
        plan = change.plan(output.warning)
        announce(plan)
        if not plan.is_empty and (text := question(plan)):
            confirm(text, yes=False)

    def on_plan(plan: PlanT) -> None:
        if yes:
            announce(plan)
        if not plan.is_empty:
            back_up(plan)

    with until_interrupted() as check, progress_bar(output) as step:
        warn = output.warning if yes else lambda _: None
        done = change.carry_out(Hooks(output.message, warn, on_plan, step, check))
    if done.is_empty:
        output.message(f"Nothing to do: {nothing}.")
        return None
    counts = Counter[str](change.action for change in done.changes())
    return done, ", ".join(f"{counts[action]} {word}" for action, word in _WORDS.items())


def write_backup(context: Context, handler: ZKHandler, path: Path) -> None:
    """Back up the whole tree to *path*.

    :raises ConfigError: if the file cannot be written.
    """
    try:
        write_file(path, encode_backup(read_backup(handler)))
    except OSError as error:
        raise ConfigError(
            f"cannot write the backup {path}: {error.strerror}; nothing was changed: name another file with --backup"
        ) from None
    context.output.message(f"Backup written to {path}.")
