import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context, secrets_option
from pvc_cli.commands._common.tree_change import Wishes, carry_out, change_options, preview
from pvc_cli.commands._common.tree_dry_run import sum_up
from pvc_cli.commands.cluster._backups import BACKUP, scan
from pvc_cli.commands.cluster._parts import Part, part_options, restore_part
from pvc_cli.zk.migration.restore import Restoration, RestorePlan
from pvc_cli.zk.spool import Spool


@click.command("restore")
@click.argument("file", type=BACKUP)
@part_options
@change_options
@click.option("--into-foreign", is_flag=True, help="Restore into a tree that holds something else, too.")
@secrets_option
@output_option
@pass_context
def command(context: Context, file: str, part: Part, wishes: Wishes, into_foreign: bool, secrets: bool) -> int:
    """Restore the tree from a backup, or a part of it.

    Anything that is not in the backup is deleted. Use - as FILE for standard input. Stop PVC's daemons first: they
    write to the tree all the time, and act on what they find. Znodes that are not PVC's are kept, and so is what
    daemons report of themselves. To finish an interrupted restore, run it again.

    With --vm, --tags-only or --key, all else stays as it is, and PVC's daemons may run. A VM that is created is
    stopped, and one that exists keeps its state and node.

    \b
    Examples:
      pvc cluster restore backup.json --dry-run
      pvc cluster restore backup.json --vm web-01 --force --dry-run
      pvc cluster restore backup.json --tags-only
      pvc cluster restore backup.json --key node.ipmi.hostname pvchv1
    """
    whole = part.is_whole
    backup = Spool(scan(file))
    if not whole:
        return restore_part(context, file, part, wishes, backup)
    _restore_all(context, file, backup, wishes, into_foreign=into_foreign, secrets=secrets)
    return 0


def _restore_all(
    context: Context, file: str, backup: Spool, wishes: Wishes, *, into_foreign: bool, secrets: bool
) -> None:
    output = context.output
    with connect(context) as handler:
        counts = ""
        restoration = Restoration(handler, backup, force=wishes.force, into_foreign=into_foreign)

        def announce(plan: RestorePlan) -> None:
            if plan.sets_version and plan.base.znode and not plan.is_empty:
                output.warning(
                    f"the cluster has schema version {plan.base.version}, the backup {plan.target}: all PVC daemons"
                    " will restart"
                )
            if plan.foreign:
                output.warning(f"left out {', '.join(plan.foreign)}: not PVC's")
            if plan.unknown_secrets:
                output.warning(
                    f"{len(plan.unknown_secrets)} secrets are masked in the backup and unknown to the cluster: they"
                    f" are left empty, among them {plan.unknown_secrets[0]}"
                )
            nonlocal counts
            # To name what changes takes a while, under the lock: not for nobody.
            if not (wishes.yes and output.quiet):
                counts = sum_up(output, handler, plan.changes())

        def question(plan: RestorePlan) -> str:
            writes = len(plan.sets) + len(plan.creates)
            return f"Restore {file}: {counts} ({len(plan.deletes)} znodes to delete, {writes} to write)?"

        if wishes.dry_run:
            preview(context, restoration, lambda _: None, secrets=secrets)
            return
        safety = wishes.backup_path(context, "restore")
        done = carry_out(
            context,
            restoration,
            announce=announce,
            question=question,
            nothing=lambda _: "the tree already matches the backup",
            yes=wishes.yes,
            backup=safety,
            overwrite=wishes.overwrite,
            secrets=secrets,
        )
        if done:
            output.message(f"Restored {file}: {done[1]}.")
