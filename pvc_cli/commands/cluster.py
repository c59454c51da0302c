"""``pvc cluster``: see whether anything is wrong; back the whole tree up, and put it back."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pvc_cli.commands.changes import confirm, show_changes, step_bar, summarise, until_interrupted
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import dry_run_option, output_option, pass_context, secrets_option, yes_option
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_REFUSED, ConfigError
from pvc_cli.output import Cell, Format, Output

if TYPE_CHECKING:
    from pvc_cli.cluster.status import ClusterStatus


@click.group(cls=LazyGroup)
def cluster() -> None:
    """See whether anything is wrong; back the whole tree up, and put it back."""


@cluster.command("status")
@output_option
@pass_context
def status(context: Context, style: Format) -> None:
    """Is anything wrong? Nodes, VMs, schema and SR-IOV on one screen.

    Exit code 1 if anything is; notes do not count.

    \b
    Example:
      pvc cluster status || echo 'wake somebody'
    """
    from pvc_cli.cluster.documents import status_document
    from pvc_cli.cluster.status import cluster_status

    output = context.output
    with context.connect() as handler:
        found = cluster_status(handler)
    output.show(
        style,
        lambda: status_document(found),
        names=lambda: [problem.what for problem in found.problems],
        table=lambda: _screen(output, found),
    )
    if not found.healthy:
        click.get_current_context().exit(EXIT_REFUSED)


def _screen(output: Output, status: ClusterStatus) -> str:
    states = Counter(node.daemon_state or "unknown" for node in status.nodes)
    wrong = sum(problem.serious for problem in status.problems)
    fields = output.fields(
        [
            (
                "Status",
                Cell("all is well", "green")
                if status.healthy
                else Cell(f"{wrong} problem{'s' if wrong != 1 else ''}", "red"),
            ),
            ("Nodes", _counted(states)),
            ("Primary", status.primary or "none"),
            ("VMs", _counted(status.vms)),
            ("Schema", f"version {status.version}"),
        ]
    )
    rows: list[list[str | Cell]] = [
        [Cell("wrong", "red") if problem.serious else Cell("note", "yellow"), problem.what, problem.see]
        for problem in status.problems
    ]
    return "\n\n".join(part for part in (fields, output.table(("", "WHAT", "SEE"), rows)) if part)


def _counted(counts: Mapping[str, int]) -> str:
    found = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{sum(counts.values())} ({found})" if found else "none"


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
