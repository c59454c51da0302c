"""Show and delete the backups that pvc made by itself."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "list": "List the backups made before upgrades, rollbacks and restores.",
        "prune": "Delete old backups that pvc made by itself.",
    },
)
