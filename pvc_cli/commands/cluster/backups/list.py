import click

from pvc_cli.cluster.kept_backups import KeptBackup, folder, list_backups, schema_version
from pvc_cli.cluster.tree_documents import kept_backup_document
from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.commands._common.sizes import size_text
from pvc_cli.commands._common.times import time_text
from pvc_cli.output.writer import known


@click.command("list")
@output_option
@pass_context
def command(context: Context) -> None:
    """List the backups made before upgrades, rollbacks and restores.

    The newest comes first. CLUSTER is the servers that were used. With -o name, the names of the files are printed.

    \b
    Example:
      pvc cluster backups list
    """
    output, backups = context.output, list_backups()
    output.show(
        lambda: (kept_backup_document(backup, schema_version(backup)) for backup in backups),
        names=lambda: (str(backup.path) for backup in backups),
        table=lambda: output.table(
            ("TIME", "BEFORE", "CLUSTER", "SCHEMA", "SIZE", "FILE"), [_row(backup) for backup in backups]
        ),
    )
    if not backups:
        output.message(f"There are no backups in {folder()}.")


def _row(backup: KeptBackup) -> list[str]:
    return [
        time_text(backup.time.timestamp()),
        backup.before.replace("-", " "),
        known(backup.cluster),
        known(schema_version(backup)),
        size_text(backup.size),
        str(backup.path),
    ]
