"""What the commands that change the schema share."""

import datetime
from pathlib import Path
from typing import NamedTuple

import click

from pvc_cli.commands._common.changes import summarise
from pvc_cli.commands._common.command import Context, dry_run_option, options_into, yes_option
from pvc_cli.commands._common.tree_change import carry_out, preview, write_backup
from pvc_cli.connections.session import is_file
from pvc_cli.errors import InvalidInputError
from pvc_cli.files import state_folder
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKSchema
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan

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


class Wishes(NamedTuple):
    """How to go to another version."""

    force: bool
    backup: str | None
    no_backup: bool
    yes: bool
    dry_run: bool


migration_options = options_into(
    Wishes,
    "wishes",
    click.option("--force", is_flag=True, help="Proceed even if a node does not know the version."),
    click.option(
        "--backup",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Backup file [default: a new one in pvc's state directory].",
    ),
    click.option("--no-backup", is_flag=True, help="Skip the backup."),
    yes_option,
    dry_run_option,
)


def go(context: Context, migration: Migration, wishes: Wishes) -> None:
    """Show the plan of *migration*, or carry it out."""
    if wishes.backup and wishes.no_backup:
        raise InvalidInputError("--backup and --no-backup exclude each other")
    output, target = context.output, migration.target
    if wishes.dry_run:
        preview(context, migration, lambda plan: _warn_of_losses(output, plan, target))
        return

    def announce(plan: Plan) -> None:
        _warn_of_losses(output, plan, target)
        summarise(output, plan.changes())

    def question(plan: Plan) -> str:
        if not plan.sets_version:
            return f"Finish the migration to schema version {target.version}?"
        return f"Migrate from schema version {plan.current} to {target.version}? All PVC daemons will restart."

    def back_up(plan: Plan) -> None:
        if path := _backup_path(context, wishes, f"schema-{plan.current}-to-{target.version}"):
            write_backup(context, migration.handler, path)

    nothing = f"the tree matches schema version {target.version}"
    done = carry_out(
        context, migration, announce=announce, question=question, nothing=nothing, yes=wishes.yes, back_up=back_up
    )
    if done:
        plan, counts = done
        output.message(f"Schema version is now {target.version} (was {plan.current}): {counts}.")


def _warn_of_losses(output: Output, plan: Plan, target: ZKSchema) -> None:
    losses = plan.losses(target)
    if losses:
        lost = ", ".join(f"{losses[group]} {words}" for group, words in _LOST.items() if losses[group])
        output.warning(f"this deletes {lost}")


def _backup_path(context: Context, wishes: Wishes, name: str) -> Path | None:
    """Return where the backup goes: what was asked for, else pvc's own folder; a backup itself needs none."""
    if wishes.backup:
        return Path(wishes.backup)
    if wishes.no_backup or is_file(context):
        return None
    now = datetime.datetime.now(tz=datetime.UTC)
    return state_folder() / "backups" / f"{now:%Y%m%dT%H%M%SZ}-{name}.json"
