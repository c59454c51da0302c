"""Show the firewall rules of networks."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(__name__, __doc__, {"list": "List the firewall rules of NETWORK in the order they apply."})
