"""``pvc cluster restore``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pvc_cli.cluster.backup import backup_version, plan_restoration
from pvc_cli.cluster.backup import restore as put_back
from pvc_cli.commands._common.changes import show_changes, summarise
from pvc_cli.commands._common.options import dry_run_option, output_option, pass_context, secrets_option, yes_option
from pvc_cli.commands._common.progress import confirm, step_bar, until_interrupted
from pvc_cli.connections.session import connect
from pvc_cli.context import Context
from pvc_cli.output.writer import Format
from pvc_cli.zk.snapshot import decode_backup, read_backup_file


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@yes_option
@dry_run_option
@secrets_option
@output_option
@pass_context
def command(context: Context, file: str, yes: bool, dry_run: bool, secrets: bool, style: Format) -> None:
    """Make the cluster's tree what it is in a backup. What is not in the backup is deleted.

    Znodes that are not PVC's stay. Stop PVC's daemons first: they write to the tree all the time.

    \b
    Example:
      pvc cluster restore backup.json --dry-run
    """
    output = context.output
    tree = decode_backup(sys.stdin.read() if file == "-" else read_backup_file(Path(file)), file)
    version = backup_version(tree)
    with connect(context) as handler:
        plan = plan_restoration(handler, tree)
        counts = f"{len(plan.deletes)} znodes to delete, {len(plan.writes)} to write"
        if dry_run:
            show_changes(output, style, plan.changes(), secrets=secrets)
            output.message(f"Dry run: {counts}.")
            return
        if not plan.ops:
            output.message("Nothing to do: the tree is that of the backup.")
            return
        now = handler.schema.version
        if now != version:
            output.warning(f"the cluster has schema version {now}, the backup {version}: the daemons will restart")
        summarise(output, plan.changes())
        confirm(f"Put back the tree of {file}: {counts}?", yes=yes)
        with until_interrupted() as check, step_bar(output) as step:
            put_back(handler, tree, on_wait=output.message, on_progress=step, between_chunks=check)
        output.message(
            f"The tree is that of {file}: {counts.replace('to delete', 'deleted').replace('to write', 'written')}."
        )
