import datetime
from collections.abc import Sequence

import click

from pvc_cli.cluster.kept_backups import KeptBackup, expendable, list_backups
from pvc_cli.cluster.tree_documents import pruned_document
from pvc_cli.commands._common.command import Context, output_option, pass_context, plain_dry_run_option, yes_option
from pvc_cli.commands._common.progress import confirm
from pvc_cli.commands._common.sizes import size_text
from pvc_cli.commands._common.values import Number
from pvc_cli.errors import EXIT_REFUSED, InvalidInputError, printable


@click.command("prune")
@click.option("--keep", type=Number(min=0), metavar="N", help="Keep the newest N of each cluster, however old.")
@click.option("--older-than", type=Number(0, 100_000), metavar="DAYS", help="Delete only those that are older.")
@yes_option
@plain_dry_run_option
@output_option
@pass_context
def command(context: Context, keep: int | None, older_than: int | None, yes: bool, dry_run: bool) -> int:
    """Delete old backups that pvc made by itself.

    Backups that you made with 'pvc cluster backup', or named with --backup, are never touched.

    \b
    Examples:
      pvc cluster backups prune --keep 10 --dry-run
      pvc cluster backups prune --keep 3 --older-than 90 --yes
    """
    if keep is None and older_than is None:
        raise InvalidInputError("expected --keep N, --older-than DAYS, or both")
    now = datetime.datetime.now(tz=datetime.UTC)
    backups = list_backups()
    chosen = expendable(backups, keep=keep, older_than=older_than, now=now)
    if chosen and not dry_run:
        confirm(f"Delete {len(chosen)} of {len(backups)} backups?", yes=yes)
    context.sent = bool(chosen) and not dry_run
    failed = {} if dry_run else _delete(chosen)
    _show(context, chosen, failed, dry_run=dry_run)
    freed = sum(backup.size for backup in chosen if backup not in failed)
    done = "Dry run: would delete" if dry_run else "Deleted"
    context.output.message(
        f"{done} {len(chosen) - len(failed)} of {len(backups)} backups, {size_text(freed)}."
        if chosen
        else f"Nothing to do: none of {len(backups)} backups is expendable."
    )
    return EXIT_REFUSED if failed else 0


def _delete(backups: Sequence[KeptBackup]) -> dict[KeptBackup, str]:
    """Delete *backups*; return which failed, and why."""
    failed = {}
    for backup in backups:
        try:
            backup.path.unlink(missing_ok=True)
        except OSError as error:
            failed[backup] = error.strerror or str(error)
    return failed


def _show(context: Context, chosen: Sequence[KeptBackup], failed: dict[KeptBackup, str], *, dry_run: bool) -> None:
    context.output.show(
        lambda: pruned_document(chosen, failed),
        names=lambda: (str(backup.path) for backup in chosen if backup not in failed),
        table=lambda: "\n".join(f"would delete {printable(str(backup.path))}" for backup in chosen if dry_run),
    )
    for backup, why in failed.items():
        context.output.error(f"cannot delete {backup.path}: {why}")
