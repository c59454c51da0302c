import click

from pvc_cli.cluster.networks import Network, list_networks
from pvc_cli.cluster.resource_documents import network_document
from pvc_cli.cluster.values import parse_int
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, pattern_argument
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.commands.network._show import SWITCH
from pvc_cli.output.cells import Cell, Row, flag_cell, optional_cell

_HEADERS = ("VNI", "DESCRIPTION", "TYPE", "MTU", "IPV4", "DHCP", "IPV6")
_WIDE = ("DHCPV6", "DOMAIN")


@click.command("list")
@pattern_argument
@list_options(*_HEADERS, *_WIDE, things="networks")
@pass_context
def command(context: Context, pattern: str | None) -> None:
    """List networks.

    PATTERN is a regular expression found anywhere in the VNI or the description.

    \b
    Examples:
      pvc network list
      pvc network list '^Front' -o name
    """
    with connect_to_list(context) as handler:
        show_records(
            context.output,
            list_networks(handler, pattern),
            documents=for_each(network_document),
            names=for_each(lambda network: network.vni),
            headers=_HEADERS,
            wide=_WIDE,
            rows=rows_of(_row),
            nothing="No network matches." if pattern else "No networks.",
        )


def _row(network: Network) -> Row:
    vni = parse_int(network.vni)
    return [
        network.vni if vni is None else Cell(network.vni, fact=vni),
        network.description,
        network.type,
        network.mtu,
        optional_cell(network.ip4.network),
        flag_cell(network.ip4.dhcp_flag, SWITCH),
        optional_cell(network.ip6.network),
        flag_cell(network.ip6.dhcp_flag, SWITCH),
        optional_cell(network.domain),
    ]
