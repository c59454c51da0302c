"""Show the DHCP reservations and leases of networks."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(__name__, __doc__, {"list": "List the DHCP reservations and leases of NETWORK."})
