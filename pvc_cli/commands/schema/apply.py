"""``pvc schema apply``."""

from __future__ import annotations

import click

from pvc_cli.commands._common.changes import show_changes
from pvc_cli.commands._common.options import dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import confirm
from pvc_cli.commands.schema._migrate import counted, hooks, is_shown_only
from pvc_cli.connections.session import connect
from pvc_cli.context import Context
from pvc_cli.errors import RefusedError
from pvc_cli.output.writer import Format
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.migration.plan import is_unbegun, make_plan
from pvc_cli.zk.migration.run import migrate


@click.command()
@click.option("--version", "number", type=int, metavar="N", help="On an empty tree: the version to begin with.")
@click.option(
    "--prune", is_flag=True, help="Also remove what is retired or left by PVC's migration, if it holds no data."
)
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, number: int | None, prune: bool, yes: bool, dry_run: bool, style: Format) -> None:
    """Create what the tree lacks at the cluster's schema version; on an empty tree, begin one.

    \b
    Examples:
      pvc schema apply --dry-run
      pvc schema apply --prune
    """
    output = context.output
    with connect(context) as handler:
        target = _to_apply(handler, number)
        plan = make_plan(handler.store, target, prune=prune, contract=False)
        for path in plan.kept:
            output.warning(f"{path} is not removed: it holds data")
        if is_shown_only(context, plan, style, dry_run=dry_run):
            return
        if plan.deletes:
            show_changes(output, style, plan.changes())
            confirm(f"Remove {sum(map(len, plan.deletes))} znodes?", yes=yes)
        with hooks(context, handler) as given:
            done = migrate(handler, target, given, prune=prune, contract=False)
        output.message(f"The tree is what schema version {target.version} says: {counted(done)}.")


def _to_apply(handler: ZKHandler, number: int | None) -> ZKSchema:
    """Return the version to apply: the cluster's own, or, on an empty tree, the one that was asked for."""
    if is_unbegun(handler.store):
        return handler.schema_at(number)
    if number not in (None, handler.schema.version):
        raise RefusedError(
            f"this cluster has schema version {handler.schema.version}: --version is for an empty tree;"
            " use 'pvc schema upgrade --to' or 'pvc schema rollback --to'"
        )
    return handler.schema
