"""What the commands that change the schema share."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from pvc_cli.cluster.backup import read_backup
from pvc_cli.commands._common.changes import show_changes, summarise
from pvc_cli.commands._common.options import dry_run_option, options_into, yes_option
from pvc_cli.commands._common.progress import confirm, step_bar, until_interrupted
from pvc_cli.connections.session import is_file
from pvc_cli.context import Context
from pvc_cli.errors import ConfigError, InvalidInputError
from pvc_cli.files import replace_file, state_folder
from pvc_cli.output.writer import Format
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.migration.plan import Plan, make_plan
from pvc_cli.zk.migration.run import Hooks, check_gate, migrate, refuse_unready
from pvc_cli.zk.snapshot import encode_backup

_LOST = {
    "tag": "tags",
    "domain_snapshot": "VM snapshots",
    "sriov_pf": "SR-IOV PFs",
    "sriov_vf": "SR-IOV VFs",
    "monitoring_plugin": "results of monitoring plugins",
    "logs": "node logs",
    "faults": "faults",
    "": "other values",
}


_ACTIONS = ("create", "move", "set", "delete")


_DONE = ("created", "moved", "set", "deleted")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to go to another version."""

    force: bool
    backup: str | None
    no_backup: bool
    yes: bool
    dry_run: bool


migration_options = options_into(
    Wishes,
    "wishes",
    click.option("--force", is_flag=True, help="Even if some node does not know that version."),
    click.option(
        "--backup", type=click.Path(dir_okay=False), metavar="FILE", help="Where the backup goes (pvc's own folder)."
    ),
    click.option("--no-backup", is_flag=True, help="Make no backup."),
    yes_option,
    dry_run_option,
)


def go(context: Context, handler: ZKHandler, target: ZKSchema, wishes: Wishes, style: Format) -> None:
    """Show the plan or carry it out."""
    if wishes.backup and wishes.no_backup:
        raise InvalidInputError("--backup and --no-backup exclude each other")
    output = context.output
    reasons = check_gate(handler, target) if target.version != handler.schema.version else []
    if reasons and not (wishes.force or wishes.dry_run):
        refuse_unready(reasons, target)
    for reason in reasons:
        output.warning(reason)
    plan = make_plan(handler.store, target)
    losses = plan.losses(target)
    if losses:
        lost = ", ".join(f"{losses[group]} {words}" for group, words in _LOST.items() if losses[group])
        output.warning(f"this deletes {lost}")
    if is_shown_only(context, plan, style, dry_run=wishes.dry_run):
        return
    summarise(output, plan.changes())
    question = f"Go from schema version {plan.current} to {target.version}? All PVC daemons restart with it."
    confirm(question if plan.sets_version else f"Finish going to schema version {target.version}?", yes=wishes.yes)
    backup = _backup_path(context, wishes, f"schema-{plan.current}-to-{target.version}")
    with hooks(context, handler, backup) as given:
        done = migrate(handler, target, given)
    output.message(f"The schema is at version {target.version}, and was at {done.current}: {counted(done)}.")


def is_shown_only(context: Context, plan: Plan, style: Format, *, dry_run: bool) -> bool:
    """Show a dry run, or that there is nothing to do; return whether that was all."""
    output = context.output
    if dry_run:
        show_changes(output, style, plan.changes())
        output.message(f"Dry run: {counted(plan, 'to create', 'to move', 'to set', 'to delete')}.")
    elif plan.is_empty:
        output.message(f"Nothing to do: the tree is what schema version {plan.target} says.")
    return dry_run or plan.is_empty


def counted(plan: Plan, *words: str) -> str:
    """Return how many changes of each kind a plan has; *words* say it for created, moved, set and deleted ones."""
    counts = Counter[str](change.action for change in plan.changes())
    return ", ".join(f"{counts[action]} {word}" for action, word in zip(_ACTIONS, words or _DONE, strict=True))


@contextmanager
def hooks(context: Context, handler: ZKHandler, backup: Path | None = None) -> Iterator[Hooks]:
    """Give the hooks by which a run says how far it is, backs up first, and stops between transactions."""

    def write_backup(plan: Plan) -> None:
        if backup and not plan.is_empty:
            try:
                replace_file(backup, encode_backup(read_backup(handler)))
            except OSError as error:
                raise ConfigError(
                    f"the backup {backup} cannot be written ({error.strerror}): nothing was changed;"
                    " name another with --backup"
                ) from None
            context.output.message(f"The backup is {backup}.")

    with until_interrupted() as check, step_bar(context.output) as step:
        yield Hooks(context.output.message, write_backup, step, check)


def _backup_path(context: Context, wishes: Wishes, name: str) -> Path | None:
    """Return where the backup goes: what was asked for, else pvc's own folder; a backup itself needs none."""
    if wishes.backup:
        return Path(wishes.backup)
    if wishes.no_backup or is_file(context):
        return None
    now = datetime.datetime.now(tz=datetime.UTC)
    return state_folder() / "backups" / f"{now:%Y%m%dT%H%M%SZ}-{name}.json"
