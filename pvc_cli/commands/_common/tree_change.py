"""Change a whole tree from a command: show the plan, ask, carry it out, print what was done."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from pvc_cli.cluster.kept_backups import new_backup_path
from pvc_cli.commands._common.command import dry_run_beside_overwrite, note_overwrite, options_into, yes_option
from pvc_cli.commands._common.dry_run import refuse_plan
from pvc_cli.commands._common.file_names import OutputFile
from pvc_cli.commands._common.progress import confirm, progress_bar, until_interrupted
from pvc_cli.commands._common.tree_dry_run import show_done, show_tree, tree_document
from pvc_cli.connections.resolve import resolve
from pvc_cli.connections.session import is_file
from pvc_cli.context import Context
from pvc_cli.errors import InvalidInputError
from pvc_cli.output.writer import Document
from pvc_cli.zk.migration.locked import Hooks, PlanT, TreeChange

_WORDS = {"create": "created", "move": "moved", "set": "set", "delete": "deleted"}


class Wishes(NamedTuple):
    """How to change the tree."""

    force: bool
    backup: str | None
    no_backup: bool
    overwrite: bool
    yes: bool
    dry_run: bool

    def backup_path(self, context: Context, name: str) -> Path | None:
        """Return where the backup goes: what was asked for, else pvc's own folder; a backup itself needs none.

        :raises InvalidInputError: if a backup is both wanted and declined.
        """
        if self.backup and self.no_backup:
            raise InvalidInputError("--backup and --no-backup exclude each other")
        if self.overwrite and not self.backup:
            raise InvalidInputError("--overwrite goes with --backup FILE: give both")
        if self.backup:
            return Path(self.backup)
        if self.no_backup or is_file(context):
            return None
        return new_backup_path(name, resolve(context.connection, context.coordinators).hosts)


change_options = options_into(
    Wishes,
    "wishes",
    click.option("--force", is_flag=True, help="Proceed even if PVC's daemons run, or do not know the version."),
    click.option(
        "--backup",
        type=OutputFile(),
        metavar="FILE",
        help="Backup file [default: a new one in pvc's state directory].",
    ),
    click.option("--no-backup", is_flag=True, help="Skip the backup."),
    click.option("--overwrite", is_flag=True, callback=note_overwrite, help="Replace an existing file."),
    yes_option,
    dry_run_beside_overwrite,
)


def preview(
    context: Context, change: TreeChange[PlanT], announce: Callable[[PlanT], None], *, secrets: bool = False
) -> None:
    """Show a dry run: how much would be changed, then what, by names or paths.

    :raises PvcError: what the real run would raise instead of changing anything, after all that is shown.
    """
    refuse_plan(context.output)
    plan, refusal = change.preview(context.output.warning)
    announce(plan)
    show_tree(context.output, change.handler, plan.changes, secrets=secrets)
    counts = Counter[str](change.action for change in plan.changes())
    context.output.message(f"Dry run: {', '.join(f'{counts[action]} to {action}' for action in _WORDS)}.")
    if refusal:
        context.output.message("Dry run: as things are, this would be refused.")
        raise refusal


def carry_out(
    context: Context,
    change: TreeChange[PlanT],
    *,
    announce: Callable[[PlanT], None],
    question: Callable[[PlanT], str],
    nothing: Callable[[PlanT], str],
    yes: bool,
    backup: Path | None = None,
    overwrite: bool = False,
    secrets: bool = False,
) -> tuple[PlanT, str] | None:
    """Carry out *change*, having asked; return what was done, and how much in words, or None for nothing.

    Programs get the document of the dry run.

    :param announce: says what would be changed: before the question, or under the lock if there is none.
    :param question: what to ask; empty for a plan that is nothing to ask about.
    :param nothing: why there is nothing to do.
    :param backup: where to back up the tree first.
    :param secrets: show secrets to programs.
    """
    output = context.output
    documents: list[Document] = []

    def ask(plan: PlanT) -> None:
        announce(plan)
        if text := question(plan):
            confirm(text, yes=False)

    def note(plan: PlanT) -> None:
        if yes:
            announce(plan)
        if not output.tabular:
            # Now: what is deleted, or moved by a schema, has no name later.
            documents.append(tree_document(change.handler, plan.changes, secrets=secrets))

    with until_interrupted() as check, progress_bar(output) as step:
        hooks: Hooks[PlanT] = Hooks(
            confirm=None if yes else ask,
            backup=backup,
            overwrite=overwrite,
            on_wait=output.waiting,
            on_warning=output.warning,
            on_plan=note,
            on_backup=lambda path: output.message(f"Backup written to {path}."),
            on_progress=step,
            between_chunks=check,
        )
        try:
            done = change.carry_out(hooks)
        finally:
            output.end_wait()
    for document in documents:
        show_done(output, document)
    if done.is_empty:
        output.message(f"Nothing to do: {nothing(done)}.")
        return None
    counts = Counter[str](change.action for change in done.changes())
    return done, ", ".join(f"{counts[action]} {word}" for action, word in _WORDS.items())
