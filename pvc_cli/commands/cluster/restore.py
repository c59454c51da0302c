import sys
from pathlib import Path

import click

from pvc_cli.commands._common.changes import summarise
from pvc_cli.commands._common.command import (
    Context,
    connect,
    dry_run_option,
    output_option,
    pass_context,
    secrets_option,
    yes_option,
)
from pvc_cli.commands._common.tree_change import carry_out, preview
from pvc_cli.zk.backup import backup_version, decode_backup, read_backup_file
from pvc_cli.zk.migration.restore import Restoration, RestorePlan


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@yes_option
@dry_run_option
@secrets_option
@output_option
@pass_context
def command(context: Context, file: str, yes: bool, dry_run: bool, secrets: bool) -> None:
    """Restore the tree from a backup; anything not in it is deleted.

    Use - as FILE for standard input. Znodes that are not PVC's are kept. Stop PVC's daemons first: they write to the
    tree all the time.

    \b
    Example:
      pvc cluster restore backup.json --dry-run
    """
    output = context.output
    tree = decode_backup(sys.stdin.read() if file == "-" else read_backup_file(Path(file)), file)
    version = backup_version(tree)
    with connect(context) as handler:
        restoration = Restoration(handler, tree)

        def announce(plan: RestorePlan) -> None:
            now = handler.schema.version
            if now != version and not plan.is_empty:
                output.warning(
                    f"the cluster has schema version {now}, the backup {version}: the daemons will restart"
                )
            summarise(output, plan.changes())

        def question(plan: RestorePlan) -> str:
            return f"Restore {file}: {len(plan.deletes)} znodes to delete, {len(plan.writes)} to write?"

        if dry_run:
            preview(context, restoration, lambda _: None, secrets=secrets)
            return
        nothing = "the tree already matches the backup"
        done = carry_out(context, restoration, announce=announce, question=question, nothing=nothing, yes=yes)
        if done:
            output.message(f"Restored {file}: {done[1]}.")
