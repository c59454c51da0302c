"""Manage what connects VMs."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(__name__, __doc__, {"sriov": "Manage SR-IOV network functions, which VMs use directly."})
