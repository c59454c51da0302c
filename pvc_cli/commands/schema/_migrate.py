"""What the commands that change the schema share."""

from pvc_cli.commands._common.tree_change import Wishes, carry_out, preview
from pvc_cli.commands._common.tree_dry_run import sum_up
from pvc_cli.connections.resolve import resolve
from pvc_cli.context import Context
from pvc_cli.output.writer import Output
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


def go(context: Context, migration: Migration, wishes: Wishes) -> None:
    """Show the plan of *migration*, or carry it out."""
    output, target = context.output, migration.target
    backup = wishes.backup_path(context, f"schema-{migration.base.version}-to-{target.version}")
    if wishes.dry_run:
        preview(context, migration, lambda plan: _warn_of_losses(output, plan))
        return

    def announce(plan: Plan) -> None:
        _warn_of_losses(output, plan)
        # To name what changes takes a while, under the lock: not for nobody.
        if not output.quiet:
            sum_up(output, migration.handler, plan.changes())

    def question(plan: Plan) -> str:
        if not plan.sets_version:
            return f"Finish the migration to schema version {target.version}?"
        # A file has no daemons.
        then = "" if resolve(context.connection, context.coordinators).file else " All PVC daemons will restart."
        return f"Migrate from schema version {plan.current} to {target.version}?{then}"

    done = carry_out(
        context,
        migration,
        announce=announce,
        question=question,
        nothing=lambda _: f"the tree matches schema version {target.version}",
        yes=wishes.yes,
        backup=backup,
        overwrite=wishes.overwrite,
    )
    if done:
        plan, counts = done
        output.message(f"Schema version is now {target.version} (was {plan.current}): {counts}.")


def _warn_of_losses(output: Output, plan: Plan) -> None:
    losses = plan.losses()
    if losses:
        lost = ", ".join(f"{losses[group]} {words}" for group, words in _LOST.items() if losses[group])
        output.warning(f"this deletes {lost}")
