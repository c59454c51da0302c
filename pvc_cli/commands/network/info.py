import click

from pvc_cli.cluster.networks import Network, find_networks
from pvc_cli.cluster.resource_documents import network_document
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands.network._show import switch_text
from pvc_cli.output.cells import known
from pvc_cli.output.writer import Output


@click.command("info")
@click.argument("names", metavar="NETWORK", shell_complete=complete.networks)
@output_option
@pass_context
def command(context: Context, names: str) -> None:
    """Show the details of networks.

    NETWORK is a VNI, a description, a list with commas, or - for names from standard input.

    \b
    Examples:
      pvc network info 1001
      pvc network info Frontend -o json
    """
    output = context.output
    wanted = context.names([names])
    with connect(context) as handler:
        networks = find_networks(handler, wanted)
    documents = [network_document(network) for network in networks]
    output.show(
        lambda: documents[0] if wanted == [names] else documents,
        names=lambda: [network.vni for network in networks],
        table=lambda: "\n\n".join(_details(output, network) for network in networks),
    )


def _details(output: Output, network: Network) -> str:
    ip4, ip6 = network.ip4, network.ip6
    addresses = f": {ip4.dhcp_start or '?'} to {ip4.dhcp_end or '?'}" if ip4.dhcp_flag else ""
    return output.fields(
        [
            ("VNI", network.vni),
            ("Description", network.description),
            ("Type", network.type or "?"),
            ("MTU", known(network.mtu)),
            ("Domain", network.domain or "none"),
            ("Name servers", ", ".join(network.name_servers) or "none"),
            ("IPv4", _via(ip4.network, ip4.gateway)),
            ("DHCPv4", switch_text(ip4.dhcp_flag) + addresses),
            ("IPv6", _via(ip6.network, ip6.gateway)),
            ("DHCPv6", switch_text(ip6.dhcp_flag)),
        ]
    )


def _via(network: str | None, gateway: str | None) -> str:
    return f"{network}, gateway {gateway or 'none'}" if network else "none"
