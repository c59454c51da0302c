"""``pvc cluster``: back a whole cluster's tree up, and put it back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pvc_cli.commands.changes import confirm, show_changes, step_bar, summarise, until_interrupted
from pvc_cli.commands.options import dry_run_option, output_option, pass_context, secrets_option, yes_option
from pvc_cli.context import Context
from pvc_cli.errors import ConfigError
from pvc_cli.output import Format


@click.group()
def cluster() -> None:
    """Back a whole cluster's tree up, and put it back."""


@cluster.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--mask-secrets", is_flag=True, help="Leave out the nodes' IPMI passwords.")
@secrets_option
@pass_context
def backup(context: Context, file: str, mask_secrets: bool, secrets: bool) -> None:
    """Write every znode of the cluster to FILE, as PVC's own backup does; - is standard output.

    The file is readable by its owner only: it holds secrets unless they are masked. On a terminal they always
    are, without --show-secrets.

    \b
    Examples:
      pvc cluster backup backup.json
      pvc cluster backup --mask-secrets - | jq keys
    """
    from pvc_cli.cluster.backup import read_backup
    from pvc_cli.files import replace_file
    from pvc_cli.zk.snapshot import encode_backup

    with context.connect() as handler:
        seen = file == "-" and sys.stdout.isatty()
        tree = read_backup(handler, mask_secrets=mask_secrets or (seen and not secrets))
    text = encode_backup(tree)
    if file == "-":
        sys.stdout.write(text)
        return
    try:
        replace_file(Path(file), text)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
    context.output.message(f"{file} holds {len(tree)} znodes.")


@cluster.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@yes_option
@dry_run_option
@secrets_option
@output_option
@pass_context
def restore(context: Context, file: str, yes: bool, dry_run: bool, secrets: bool, style: Format) -> None:
    """Make the cluster's tree what it is in a backup. What is not in the backup is deleted.

    Znodes that are not PVC's stay. Stop PVC's daemons first: they write to the tree all the time.

    \b
    Example:
      pvc cluster restore backup.json --dry-run
    """
    from pvc_cli.cluster.backup import backup_version, plan_restoration
    from pvc_cli.cluster.backup import restore as put_back
    from pvc_cli.zk.snapshot import decode_backup, read_backup_file

    output = context.output
    tree = decode_backup(sys.stdin.read() if file == "-" else read_backup_file(Path(file)), file)
    version = backup_version(tree)
    with context.connect() as handler:
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
