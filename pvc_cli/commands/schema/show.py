import click

from pvc_cli.cluster.documents import schema_status_document
from pvc_cli.cluster.schema_status import SchemaStatus, schema_status
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.output.cells import Cell, known
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKSchema
from pvc_cli.zk.schema import find_schema


@click.command("show")
@click.option("--version", "number", type=int, metavar="N", help="Show the keys of this schema version instead.")
@output_option
@pass_context
def command(context: Context, number: int | None) -> None:
    """Show the schema version of the cluster and of its nodes.

    The last line says what the nodes' daemons will do about it by themselves.

    \b
    Examples:
      pvc schema show
      pvc schema show --version 3 -o name
    """
    if number is not None:
        _show_version(context.output, find_schema(number, context.schema_dir))
        return
    output = context.output
    with connect(context) as handler:
        status = schema_status(handler)
    output.show(
        lambda: schema_status_document(status),
        names=lambda: [str(status.version)],
        table=lambda: _status(output, status),
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
            Cell(known(node.active), "" if node.active == status.version else "yellow", node.active),
            Cell(known(node.latest), "" if (node.latest or 0) >= status.version else "red", node.latest),
        ]
        for node in status.nodes
    ]
    table = output.table(("NODE", "RUNS", "KNOWS UP TO"), rows)
    return "\n\n".join(filter(None, (text, table, output.paragraph(status.daemons.message))))


def _show_version(output: Output, schema: ZKSchema) -> None:
    keys = [
        {"key": key, "path": definition.path, "since": schema.since(key), "default": definition.default}
        for key, definition in schema.keys.items()
    ]
    output.show(
        lambda: {"version": schema.version, "summary": schema.known[schema.version].summary, "keys": keys},
        names=lambda: list(schema.keys),
        table=lambda: output.table(
            ("KEY", "PATH", "SINCE", "DEFAULT"),
            [[key[field] for field in ("key", "path", "since", "default")] for key in keys],
        ),
    )
