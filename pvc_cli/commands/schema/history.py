import click

from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.output.writer import Document
from pvc_cli.zk.schema import find_schema


@click.command("history")
@output_option
@pass_context
def command(context: Context) -> None:
    """List all known schema versions.

    \b
    Example:
      pvc schema history
    """
    versions = find_schema(None, context.schema_dir).known
    documents: list[Document] = [
        {"version": v.number, "summary": v.summary, "added": list(v.add), "removed": list(v.remove)} for v in versions
    ]
    output = context.output
    output.show(
        lambda: documents,
        names=lambda: [str(version.number) for version in versions],
        table=lambda: output.table(
            ("VERSION", "ADDED", "REMOVED", "SUMMARY"),
            [[v.number, len(v.add), len(v.remove), v.summary] for v in versions],
        ),
    )
