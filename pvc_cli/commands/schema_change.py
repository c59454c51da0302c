"""``pvc schema validate|apply|upgrade|rollback``: compare the tree with a schema version, and bring it there."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pvc_cli.commands.changes import confirm, show_changes, step_bar, summarise, until_interrupted
from pvc_cli.commands.options import backup_options, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_REFUSED, ConfigError, InvalidInputError, RefusedError
from pvc_cli.output import Cell, Format

if TYPE_CHECKING:
    from pvc_cli.zk import ZKHandler, ZKSchema
    from pvc_cli.zk.migration.plan import Plan
    from pvc_cli.zk.migration.run import Hooks
    from pvc_cli.zk.migration.survey import Survey

_LOST = {
    "tag": "tags",
    "domain_snapshot": "VM snapshots",
    "sriov_pf": "SR-IOV PFs",
    "sriov_vf": "SR-IOV VFs",
    "monitoring_plugin": "results of monitoring plugins",
    "logs": "node logs",
    "faults": "faults",
    "": "other values",
}
_ACTIONS = ("create", "move", "set", "delete")
_DONE = ("created", "moved", "set", "deleted")
_PVC_MADE = "left by PVC's own migration; 'pvc schema apply --prune' removes it if it holds no data"


@click.command()
@output_option
@pass_context
def validate(context: Context, style: Format) -> None:
    """Compare the tree with the cluster's schema version; exit 1 where they differ.

    Missing znodes should be there and are not, retired ones belong to another version, stray ones to none. Root
    znodes of others are foreign, and no fault.

    \b
    Example:
      pvc schema validate -o json
    """
    from pvc_cli.zk.migration.survey import survey

    output = context.output
    with context.connect() as handler:
        schema = handler.schema
        found = survey(handler.store, schema, leaves=True)
    document = {
        "version": schema.version,
        "missing": [missing.path for missing in found.missing],
        "retired": found.retired + [source for source, _ in found.moved],
        "stray": [stray.path for stray in found.stray],
        "pvc_made": [stray.path for stray in found.stray if stray.pvc_made],
        "foreign": found.foreign,
    }
    faults = [path for kind in ("missing", "retired", "stray") for path in document[kind]]  # type: ignore[attr-defined]
    output.show(style, lambda: document, names=lambda: faults, table=lambda: output.table(*_faults(found)))
    if faults:
        output.message(f"The tree differs from schema version {schema.version} in {len(faults)} places.")
        click.get_current_context().exit(EXIT_REFUSED)
    output.message(f"The tree is what schema version {schema.version} says.")


def _faults(found: Survey) -> tuple[Sequence[str], list[list[str | Cell]]]:
    """Return the table of what differs, each with a word on it."""
    rows: list[list[str | Cell]] = [
        [Cell("missing", "red"), m.path, "its daemon writes it" if m.daemons else "'pvc schema apply' creates it"]
        for m in found.missing
    ]
    rows += [[Cell("retired", "yellow"), path, "of another schema version"] for path in found.retired]
    rows += [[Cell("retired", "yellow"), source, f"it is to be at {target}"] for source, target in found.moved]
    rows += [[Cell("stray", "yellow"), s.path, _PVC_MADE if s.pvc_made else "unknown"] for s in found.stray]
    rows += [["foreign", path, "somebody else's, left alone"] for path in found.foreign]
    return ("", "PATH", ""), rows


@click.command()
@click.option("--version", "number", type=int, metavar="N", help="On an empty tree: the version to begin with.")
@click.option(
    "--prune", is_flag=True, help="Also remove what is retired or left by PVC's migration, if it holds no data."
)
@yes_option
@dry_run_option
@output_option
@pass_context
def apply(context: Context, number: int | None, prune: bool, yes: bool, dry_run: bool, style: Format) -> None:
    """Create what the tree lacks at the cluster's schema version; on an empty tree, begin one.

    \b
    Examples:
      pvc schema apply --dry-run
      pvc schema apply --prune
    """
    from pvc_cli.zk.migration.plan import make_plan
    from pvc_cli.zk.migration.run import migrate

    output = context.output
    with context.connect() as handler:
        target = _to_apply(handler, number)
        plan = make_plan(handler.store, target, prune=prune, contract=False)
        for path in plan.kept:
            output.warning(f"{path} is not removed: it holds data")
        if _is_shown_only(context, plan, style, dry_run=dry_run):
            return
        if plan.deletes:
            show_changes(output, style, plan.changes())
            confirm(f"Remove {sum(map(len, plan.deletes))} znodes?", yes=yes)
        with _hooks(context, handler) as hooks:
            done = migrate(handler, target, hooks, prune=prune, contract=False)
        output.message(f"The tree is what schema version {target.version} says: {_counted(done)}.")


def _to_apply(handler: ZKHandler, number: int | None) -> ZKSchema:
    """Return the version to apply: the cluster's own, or, on an empty tree, the one that was asked for."""
    from pvc_cli.zk.migration.plan import is_unbegun

    if is_unbegun(handler.store):
        return handler.schema_at(number)
    if number not in (None, handler.schema.version):
        raise RefusedError(
            f"this cluster has schema version {handler.schema.version}: --version is for an empty tree;"
            " use 'pvc schema upgrade --to' or 'pvc schema rollback --to'"
        )
    return handler.schema


def _going_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what going to another version takes, whichever way it goes."""
    for option in (
        pass_context,
        output_option,
        dry_run_option,
        yes_option,
        backup_options,
        click.option("--force", is_flag=True, help="Even if some node does not know that version."),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--to", "number", type=int, metavar="N", help="The version to upgrade to (the newest).")
@_going_options
def upgrade(
    context: Context,
    /,
    number: int | None,
    force: bool,
    yes: bool,
    dry_run: bool,
    style: Format,
    **backup: Any,  # noqa: ANN401
) -> None:
    """Bring the tree to a newer schema version. All PVC daemons restart with it.

    What is new is created first, then the version is set, once, then what the version has no more is deleted. A run
    that was interrupted is finished by a second one.

    \b
    Examples:
      pvc schema upgrade --dry-run
      pvc -c file:backup.json schema upgrade --yes
      pvc schema upgrade --yes
    """
    with context.connect() as handler:
        target, current = handler.schema_at(number), handler.schema.version
        if number is None and target.version < current:
            target = handler.schema
        if target.version < current:
            raise RefusedError(
                f"this cluster has schema version {current} already: going back to {target.version} is"
                f" 'pvc schema rollback --to {target.version}'"
            )
        _go(context, handler, target, style, backup, force=force, yes=yes, dry_run=dry_run)


@click.command()
@click.option("--to", "number", type=int, metavar="N", required=True, help="The version to go back to.")
@_going_options
def rollback(
    context: Context,
    /,
    number: int,
    force: bool,
    yes: bool,
    dry_run: bool,
    style: Format,
    **backup: Any,  # noqa: ANN401
) -> None:
    """Take the tree back to an older schema version. What that version lacks is lost.

    \b
    Example:
      pvc schema rollback --to 13 --dry-run
    """
    with context.connect() as handler:
        target, current = handler.schema_at(number), handler.schema.version
        if target.version > current:
            raise RefusedError(
                f"this cluster has schema version {current}: going on to {target.version} is"
                f" 'pvc schema upgrade --to {target.version}'"
            )
        _go(context, handler, target, style, backup, force=force, yes=yes, dry_run=dry_run)


def _go(
    context: Context,
    handler: ZKHandler,
    target: ZKSchema,
    style: Format,
    backup: dict[str, Any],
    *,
    force: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Show the plan or carry it out."""
    from pvc_cli.zk.migration.plan import make_plan
    from pvc_cli.zk.migration.run import check_gate, migrate, refuse_unready

    if backup["backup"] and backup["no_backup"]:
        raise InvalidInputError("--backup and --no-backup exclude each other")
    output = context.output
    reasons = check_gate(handler, target) if target.version != handler.schema.version else []
    if reasons and not (force or dry_run):
        refuse_unready(reasons, target)
    for reason in reasons:
        output.warning(reason)
    plan = make_plan(handler.store, target)
    losses = plan.losses(target)
    if losses:
        lost = ", ".join(f"{losses[group]} {words}" for group, words in _LOST.items() if losses[group])
        output.warning(f"this deletes {lost}")
    if _is_shown_only(context, plan, style, dry_run=dry_run):
        return
    summarise(output, plan.changes())
    question = f"Go from schema version {plan.current} to {target.version}? All PVC daemons restart with it."
    confirm(question if plan.sets_version else f"Finish going to schema version {target.version}?", yes=yes)
    with _hooks(context, handler, backup, f"schema-{plan.current}-to-{target.version}") as hooks:
        done = migrate(handler, target, hooks)
    output.message(f"The schema is at version {target.version}, and was at {done.current}: {_counted(done)}.")


def _is_shown_only(context: Context, plan: Plan, style: Format, *, dry_run: bool) -> bool:
    """Show a dry run, or that there is nothing to do; return whether that was all."""
    output = context.output
    if dry_run:
        show_changes(output, style, plan.changes())
        output.message(f"Dry run: {_counted(plan, 'to create', 'to move', 'to set', 'to delete')}.")
    elif plan.is_empty:
        output.message(f"Nothing to do: the tree is what schema version {plan.target} says.")
    return dry_run or plan.is_empty


def _counted(plan: Plan, *words: str) -> str:
    """Return how many changes of each kind a plan has; *words* say it for created, moved, set and deleted ones."""
    counts = Counter[str](change.action for change in plan.changes())
    return ", ".join(f"{counts[action]} {word}" for action, word in zip(_ACTIONS, words or _DONE, strict=True))


@contextmanager
def _hooks(
    context: Context, handler: ZKHandler, backup: dict[str, Any] | None = None, name: str = ""
) -> Iterator[Hooks]:
    """Give the hooks by which a run says how far it is, backs up first, and stops between transactions."""
    from pvc_cli.zk.migration.run import Hooks

    def write_backup(plan: Plan) -> None:
        if backup and not plan.is_empty and (path := _backup_path(context, backup, name)):
            from pvc_cli.cluster.backup import read_backup
            from pvc_cli.files import replace_file
            from pvc_cli.zk.snapshot import encode_backup

            try:
                replace_file(path, encode_backup(read_backup(handler)))
            except OSError as error:
                raise ConfigError(
                    f"the backup {path} cannot be written ({error.strerror}): nothing was changed;"
                    " name another with --backup"
                ) from None
            context.output.message(f"The backup is {path}.")

    with until_interrupted() as check, step_bar(context.output) as step:
        yield Hooks(context.output.message, write_backup, step, check)


def _backup_path(context: Context, backup: dict[str, Any], name: str) -> Path | None:
    """Return where the backup goes: what was asked for, else pvc's own folder; a backup itself needs none."""
    from pvc_cli.settings import backup_folder

    if backup["backup"]:
        return Path(backup["backup"])
    if backup["no_backup"] or context.is_file():
        return None
    now = datetime.datetime.now(tz=datetime.UTC)
    return backup_folder() / f"{now:%Y%m%dT%H%M%SZ}-{name}.json"
