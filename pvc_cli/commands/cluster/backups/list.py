import click

from pvc_cli.cluster.kept_backups import KeptBackup, folder, list_backups, schema_version
from pvc_cli.cluster.tree_documents import kept_backup_document
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.sizes import size_text
from pvc_cli.commands._common.times import time_text
from pvc_cli.output.cells import Cell, Row

_HEADERS = ("TIME", "BEFORE", "CLUSTER", "SCHEMA", "SIZE", "FILE")
_FILE = _HEADERS.index("FILE")


@click.command("list")
@list_options(*_HEADERS, things="backups", takes_several=False)
@pass_context
def command(context: Context) -> None:
    """List the backups made before upgrades, rollbacks and restores.

    The newest comes first. CLUSTER is the servers that were used. With -o name, the names of the files are printed.

    \b
    Example:
      pvc cluster backups list
    """
    show_records(
        context.output,
        list_backups(),
        documents=for_each(lambda backup: kept_backup_document(backup, schema_version(backup))),
        names=for_each(lambda backup: str(backup.path)),
        headers=_HEADERS,
        wrap=_FILE,
        rows=rows_of(_row),
        nothing=f"There are no backups in {folder()}.",
    )


def _row(backup: KeptBackup) -> Row:
    return [
        time_text(backup.time.timestamp()),
        backup.before.replace("-", " "),
        backup.cluster,
        schema_version(backup),
        Cell(size_text(backup.size), value=backup.size),
        str(backup.path),
    ]
