import click

from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.zk.schema import find_schema

_HEADERS = ("VERSION", "ADDED", "REMOVED", "SUMMARY")


@click.command("history")
@list_options(*_HEADERS, things="versions", takes_several=False)
@pass_context
def command(context: Context) -> None:
    """List all known schema versions.

    \b
    Example:
      pvc schema history
    """
    versions = find_schema(None, context.schema_dir).known
    show_records(
        context.output,
        versions,
        documents=for_each(
            lambda v: {
                "version": v.number,
                "summary": v.summary,
                "added": list(v.add),
                "removed": list(v.remove),
            }
        ),
        names=for_each(lambda v: str(v.number)),
        headers=_HEADERS,
        wrap=_HEADERS.index("SUMMARY"),
        rows=rows_of(lambda v: [v.number, len(v.add), len(v.remove), v.summary]),
        nothing="",
    )
