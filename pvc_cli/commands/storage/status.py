import click

from pvc_cli.cluster.resource_documents import status_report_document
from pvc_cli.cluster.storage.query import read_status
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.commands.storage._show import lines_of


@click.command("status")
@output_option
@pass_context
def command(context: Context) -> None:
    """Show the status of Ceph, as it was reported last.

    It is the text of 'ceph status'; JSON and YAML have it as 'ceph_data', and Ceph's health as 'health'.

    \b
    Examples:
      pvc storage status
      pvc storage status -o json
    """
    output = context.output
    with connect_to_list(context) as handler:
        report, health = read_status(handler)
        lines = lines_of(report.ceph_data)
        output.show(
            lambda: status_report_document(report, health), names=lambda: lines, table=lambda: "\n".join(lines)
        )
        if not lines:
            output.message("Ceph has not reported its status.")
