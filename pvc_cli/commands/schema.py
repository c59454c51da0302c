"""``pvc schema show|history|diff|path``: look at the schema of the cluster's tree."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import output_option, pass_context
from pvc_cli.context import Context
from pvc_cli.errors import InvalidInputError, NotFoundError, quoted
from pvc_cli.output import Cell, Document, Format, Output

if TYPE_CHECKING:
    from pvc_cli.cluster.schema_status import SchemaStatus
    from pvc_cli.zk import ZKSchema


_CHANGE = "pvc_cli.commands.schema_change"


@click.group(
    cls=LazyGroup,
    lazy={
        "apply": (f"{_CHANGE}:apply", "Create what the tree lacks at its version; begin one on an empty tree."),
        "rollback": (f"{_CHANGE}:rollback", "Take the tree back to an older version."),
        "upgrade": (f"{_CHANGE}:upgrade", "Bring the tree to a newer version."),
        "validate": (f"{_CHANGE}:validate", "Compare the tree with the cluster's version."),
    },
)
def schema() -> None:
    """Look at the schema of the cluster's tree, and bring the tree to another version."""


@schema.command("show")
@click.option("--version", "number", type=int, metavar="N", help="Show the keys of this version instead.")
@output_option
@pass_context
def show(context: Context, number: int | None, style: Format) -> None:
    """Show the cluster's schema version, what its nodes run and know, and what is pending.

    \b
    Examples:
      pvc schema show
      pvc schema show --version 3 -o name
    """
    if number is not None:
        _show_version(context.output, context.schema(number), style)
        return
    from pvc_cli.cluster.schema_status import schema_status

    output = context.output
    with context.connect() as handler:
        status = schema_status(handler)
    output.show(
        style, lambda: asdict(status), names=lambda: [str(status.version)], table=lambda: _status(output, status)
    )


def _status(output: Output, status: SchemaStatus) -> str:
    pending = ", ".join(map(str, status.pending))
    text = output.fields(
        [
            ("Version", Cell(str(status.version), "bold")),
            ("Newest known", str(status.latest_known)),
            ("Pending", Cell(pending, "yellow") if pending else "none"),
        ]
    )
    rows: list[list[str | Cell]] = [
        [
            node.name,
            Cell(_known(node.active), "" if node.active == status.version else "yellow"),
            Cell(_known(node.latest), "" if (node.latest or 0) >= status.version else "red"),
        ]
        for node in status.nodes
    ]
    return f"{text}\n\n{output.table(('NODE', 'RUNS', 'KNOWS UP TO'), rows)}".rstrip()


def _known(version: int | None) -> str:
    return "?" if version is None else str(version)


def _show_version(output: Output, schema: ZKSchema, style: Format) -> None:
    keys = [
        {"key": key, "path": definition.path, "since": schema.since(key), "default": definition.default}
        for key, definition in schema.keys.items()
    ]
    output.show(
        style,
        lambda: {"version": schema.version, "summary": schema.known[schema.version].summary, "keys": keys},
        names=lambda: list(schema.keys),
        table=lambda: output.table(
            ("KEY", "PATH", "SINCE", "DEFAULT"),
            [[str(key[field]) for field in ("key", "path", "since", "default")] for key in keys],
        ),
    )


@schema.command("history")
@output_option
@pass_context
def history(context: Context, style: Format) -> None:
    """List all schema versions that this pvc knows, and what each brought. Needs no cluster.

    \b
    Example:
      pvc schema history
    """
    versions = context.schema().known
    documents: list[Document] = [
        {"version": v.number, "summary": v.summary, "added": list(v.add), "removed": list(v.remove)} for v in versions
    ]
    output = context.output
    output.show(
        style,
        lambda: documents,
        names=lambda: [str(version.number) for version in versions],
        table=lambda: output.table(
            ("VERSION", "ADDED", "REMOVED", "SUMMARY"),
            [[str(v.number), str(len(v.add)), str(len(v.remove)), v.summary] for v in versions],
        ),
    )


@schema.command("diff")
@click.argument("old", type=int)
@click.argument("new", type=int)
@output_option
@pass_context
def diff(context: Context, old: int, new: int, style: Format) -> None:
    """Show what differs between two schema versions. Needs no cluster.

    \b
    Example:
      pvc schema diff 9 10
    """
    from pvc_cli.zk.schema.diff import diff as compare

    changes = compare(context.schema(old), context.schema(new))
    output = context.output
    colours = {"added": "green", "removed": "red", "moved": "yellow"}
    output.show(
        style,
        lambda: {"from": old, "to": new, "changes": [asdict(change) for change in changes]},
        names=lambda: [change.key for change in changes],
        table=lambda: output.table(
            ("", "KEY", "PATH", "DEFAULT"),
            [[Cell(c.kind, colours[c.kind]), c.key, c.path, c.default] for c in changes],
        ),
    )
    if not changes:
        output.message(f"Versions {old} and {new} do not differ.")


@schema.command("path")
@click.argument("key")
@click.argument("items", metavar="[ITEM…]", nargs=-1)
@click.option("--version", "number", type=int, metavar="N", help="At this version, and without a cluster.")
@output_option
@pass_context
def path(context: Context, key: str, items: tuple[str, ...], number: int | None, style: Format) -> None:
    """Show the path of a key at the cluster's schema version.

    A key below another one is given as KEY ITEM KEY ITEM.

    \b
    Examples:
      pvc schema path base.config.maintenance
      pvc schema path domain.meta.tags 3c8f3a7e-6a2c-4f6e-9d8a-0f4b1c2d3e4f tag.type blue
    """
    if len(items) not in (0, 1, 3):
        raise InvalidInputError("give KEY, KEY ITEM, or KEY ITEM KEY ITEM")
    if number is not None:
        schema = context.schema(number)
    else:
        with context.connect() as handler:
            schema = handler.schema
    found = schema.path((key, *items) if items else key)
    if found is None:
        names = (key, *items[1:2])
        missing = next((name for name in names if name not in schema.keys and name not in schema.groups), key)
        since, until = schema.since(missing), schema.until(missing)
        why = "no version has it: see 'pvc schema show --version N'" if since is None else f"it came with {since}"
        why += f" and went with {until}" if until is not None else ""
        raise NotFoundError(f"schema version {schema.version} has no key {quoted(missing)}: {why}")
    context.output.show(
        style,
        lambda: {"key": key, "items": list(items), "version": schema.version, "path": found},
        names=lambda: [found],
        table=lambda: found,
    )
