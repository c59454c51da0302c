"""Show Ceph's status, OSDs, pools, volumes and snapshots.

'pvc storage snapshot' is short for 'pvc storage volume snapshot'.
"""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "osd": "Show OSDs, the disks of the storage.",
        "pool": "Show pools.",
        "status": "Show the status of Ceph, as it was reported last.",
        "util": "Show how full Ceph is, as it was reported last.",
        "volume": "Show volumes, the disks of VMs, and their snapshots.",
    },
    aliases={"snapshot": "volume.snapshot"},
)
