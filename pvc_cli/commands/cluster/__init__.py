"""``pvc cluster``: see whether anything is wrong; back the whole tree up, and put it back."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "backup": "Write every znode of the cluster to FILE, as PVC's own backup does; - is standard output.",
        "restore": "Make the cluster's tree what it is in a backup. What is not in the backup is deleted.",
        "status": "Is anything wrong? Nodes, VMs, schema and SR-IOV on one screen.",
    },
    help="See whether anything is wrong; back the whole tree up, and put it back.",
)
