import click

from pvc_cli.cluster.differences import Comparison
from pvc_cli.cluster.tree_documents import difference_document
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context, secrets_option
from pvc_cli.commands._common.differences import line
from pvc_cli.commands.cluster._backups import BACKUP, scan
from pvc_cli.errors import EXIT_REFUSED, InvalidInputError
from pvc_cli.zk.backup import stream_backup
from pvc_cli.zk.schema import find_schema
from pvc_cli.zk.spool import Spool


@click.command("diff")
@click.argument("file", metavar="BACKUP", type=BACKUP)
@click.argument("other", required=False, type=BACKUP)
@click.option("--all", "everything", is_flag=True, help="Compare what daemons report, too.")
@secrets_option
@output_option
@pass_context
def command(context: Context, file: str, other: str | None, everything: bool, secrets: bool) -> int:
    """Show what changed since a backup; exit 1 if anything did.

    BACKUP is compared with the cluster, or with the backup OTHER; - is standard input. Left out is what daemons
    report: keepalives, statistics, logs, leases and health checks.

    \b
    Examples:
      pvc cluster diff backup.json
      pvc cluster diff backup.json --all -o json
    """
    if file == other == "-":
        raise InvalidInputError("only one of the backups can come from standard input")
    output = context.output
    before = Spool(scan(file))
    if other is None:
        with connect(context) as handler:
            after = Spool(stream_backup(handler, on_warning=output.warning))
    else:
        after = Spool(scan(other))
    found = Comparison(before, after, find_schema(None, context.schema_dir), everything=everything, secrets=secrets)
    output.show(
        lambda: map(difference_document, found),
        names=lambda: (item.name for item in found),
        table=lambda: "\n".join(line(item, found.vm_name) for item in found),
    )
    if found.left_out:
        output.message(f"Left out {found.left_out} keys that daemons report: use --all to see them.")
    output.message(f"{len(found)} item{'s differ' if len(found) != 1 else ' differs'}.")
    return EXIT_REFUSED if len(found) else 0
