import click

from pvc_cli.cluster.documents import fault_document
from pvc_cli.cluster.faults import Fault, list_faults, watch_faults
from pvc_cli.commands._common.command import (
    Context,
    connect_to_list,
    pass_context,
    pattern_argument,
    watch_option,
)
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import local_time_text
from pvc_cli.commands._common.watching import turns
from pvc_cli.output.cells import Cell, Row, known

_HEADERS = ("ID", "LAST REPORTED", "STATUS", "HEALTH", "MESSAGE")


@click.command("list")
@pattern_argument
@click.option("--new", is_flag=True, help="Only what nobody has acknowledged.")
@watch_option
@list_options(*_HEADERS, things="faults")
@pass_context
def command(context: Context, pattern: str | None, new: bool, watch: bool) -> int:
    """List faults, the latest first.

    PATTERN is a regular expression found anywhere in the ID or the message.

    \b
    Examples:
      pvc fault list --new
      pvc fault list 'disk sd[ab]'
      pvc fault list -o name
      pvc fault list --count-by status
    """
    output = context.output
    with connect_to_list(context) as handler, turns(output, handler, watch_faults, watch=watch) as each:
        for _ in each:
            with each.turn():
                show_records(
                    output,
                    [fault for fault in list_faults(handler, pattern) if not new or fault.status != "ack"],
                    documents=for_each(fault_document),
                    names=for_each(lambda fault: fault.id),
                    headers=_HEADERS,
                    wrap=_HEADERS.index("MESSAGE"),
                    below=_HEADERS.index("LAST REPORTED"),
                    rows=rows_of(_row),
                    nothing="No fault matches." if pattern or new else "No faults.",
                )
    return each.code


def _row(fault: Fault) -> Row:
    status = Cell(fault.status or "?", "green" if fault.status == "ack" else "red")
    delta = fault.health_delta
    cost = Cell(f"-{delta} %" if delta else known(delta), value=delta)
    return [fault.id, local_time_text(fault.last_reported), status, cost, fault.message]
