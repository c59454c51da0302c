import click

from pvc_cli.cluster.resource_documents import utilization_document
from pvc_cli.cluster.storage.query import read_utilization
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.commands.storage._show import lines_of


@click.command("util")
@output_option
@pass_context
def command(context: Context) -> None:
    """Show how full Ceph is, as it was reported last.

    It is the text of 'ceph df'; JSON and YAML have it as 'ceph_data'.

    \b
    Example:
      pvc storage util
    """
    output = context.output
    with connect_to_list(context) as handler:
        report = read_utilization(handler)
        lines = lines_of(report.ceph_data)
        output.show(lambda: utilization_document(report), names=lambda: lines, table=lambda: "\n".join(lines))
        if not lines:
            output.message("Ceph has not reported how full it is.")
