import sys
from pathlib import Path

import click

from pvc_cli.commands._common.changes import summarise
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context, secrets_option
from pvc_cli.commands._common.tree_change import Wishes, carry_out, change_options, preview
from pvc_cli.zk.backup import scan_backup, scan_backup_file
from pvc_cli.zk.migration.restore import Restoration, RestorePlan
from pvc_cli.zk.spool import Spool


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@change_options
@click.option("--into-foreign", is_flag=True, help="Restore into a tree that holds something else, too.")
@secrets_option
@output_option
@pass_context
def command(context: Context, file: str, wishes: Wishes, into_foreign: bool, secrets: bool) -> None:
    """Restore the tree from a backup; anything not in it is deleted.

    Use - as FILE for standard input. Stop PVC's daemons first: they write to the tree all the time, and act on what
    they find. Znodes that are not PVC's are kept, and so is what daemons report of themselves. To finish an
    interrupted restore, run it again.

    \b
    Example:
      pvc cluster restore backup.json --dry-run
    """
    output = context.output
    backup = Spool(scan_backup(sys.stdin, "-") if file == "-" else scan_backup_file(Path(file)))
    with connect(context) as handler:
        restoration = Restoration(
            handler, backup, force=wishes.force or wishes.dry_run, into_foreign=into_foreign or wishes.dry_run
        )

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
            summarise(output, plan.changes())

        def question(plan: RestorePlan) -> str:
            writes = len(plan.sets) + len(plan.creates)
            return f"Restore {file}: {len(plan.deletes)} znodes to delete, {writes} to write?"

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
        )
        if done:
            output.message(f"Restored {file}: {done[1]}.")
