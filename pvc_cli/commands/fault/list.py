import click

from pvc_cli.cluster.documents import fault_document
from pvc_cli.cluster.faults import Fault, list_faults
from pvc_cli.commands._common.command import Context, connect_to_list, output_option, pass_context
from pvc_cli.output.writer import Cell, known

_HEADERS = ("ID", "LAST REPORTED", "STATUS", "HEALTH", "MESSAGE")


@click.command("list")
@click.option("--new", is_flag=True, help="Only what nobody has acknowledged.")
@output_option
@pass_context
def command(context: Context, new: bool) -> None:
    """List faults, the latest first.

    \b
    Examples:
      pvc fault list --new
      pvc fault list -o name
    """
    output = context.output
    with connect_to_list(context) as handler:
        faults = [fault for fault in list_faults(handler) if not new or fault.status != "ack"]
        output.show(
            lambda: [fault_document(fault) for fault in faults],
            names=lambda: [fault.id for fault in faults],
            table=lambda: output.table(_HEADERS, [_row(fault) for fault in faults]),
        )
        if not faults:
            output.message("No faults.")


def _row(fault: Fault) -> list[str | Cell]:
    status = Cell(fault.status or "?", "green" if fault.status == "ack" else "red")
    cost = f"-{fault.health_delta} %" if fault.health_delta else known(fault.health_delta)
    return [fault.id, fault.last_reported, status, cost, fault.message]
