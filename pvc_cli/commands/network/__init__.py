"""Manage what connects VMs."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "acl": "Show the firewall rules of networks.",
        "dhcp": "Show the DHCP reservations and leases of networks.",
        "info": "Show the details of networks.",
        "list": "List networks.",
        "sriov": "Manage SR-IOV network functions, which VMs use directly.",
    },
)
