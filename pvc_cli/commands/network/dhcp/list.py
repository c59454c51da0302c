import click

from pvc_cli.cluster.networks import DhcpLease, find_vnis, list_dhcp
from pvc_cli.cluster.resource_documents import dhcp_document
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, pattern_argument
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands._common.times import time_text
from pvc_cli.output.cells import Cell, Row

_HEADERS = ("ADDRESS", "MAC", "HOST NAME", "EXPIRES")


@click.command("list")
@click.argument("network", shell_complete=complete.networks)
@pattern_argument
@click.option("-s", "--static/--leases", default=None, help="Only reservations, or only leases.")
@list_options(*_HEADERS, things="hosts")
@pass_context
def command(context: Context, network: str, pattern: str | None, static: bool | None) -> None:
    """List the DHCP reservations and leases of NETWORK.

    NETWORK is a VNI or a description. PATTERN is a regular expression found anywhere in the MAC address, the IP
    address or the host name.

    \b
    Examples:
      pvc network dhcp list Frontend
      pvc network dhcp list 1001 --static -o name
    """
    with connect_to_list(context) as handler:
        (vni,) = find_vnis(handler, [network])
        show_records(
            context.output,
            list_dhcp(handler, vni, pattern, static=static),
            documents=for_each(dhcp_document),
            names=for_each(lambda lease: lease.mac_address),
            headers=_HEADERS,
            rows=rows_of(_row),
            nothing="No reservation or lease matches." if pattern else "No reservations or leases.",
        )


def _row(lease: DhcpLease) -> Row:
    expires = Cell("static", "green") if isinstance(lease.timestamp, str) else time_text(lease.timestamp)
    return [lease.ip4_address or None, lease.mac_address, lease.hostname or None, expires]
