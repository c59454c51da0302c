"""Show volumes, the disks of VMs, and their snapshots."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {"list": "List the volumes of POOL, or of all pools.", "snapshot": "Show snapshots of volumes."},
)
