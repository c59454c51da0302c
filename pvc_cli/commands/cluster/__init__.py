"""Check, back up and restore the whole cluster."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "backup": "Back up every znode to FILE, in PVC's own format.",
        "backups": "Show and delete the backups that pvc made by itself.",
        "diff": "Show what changed since a backup; exit 1 if anything did.",
        "locks": "Show who holds PVC's locks, and who waits for them.",
        "maintenance": "Switch maintenance mode; while it is on, PVC fences no node.",
        "restore": "Restore the tree from a backup, or a part of it.",
        "status": "Check the health of the cluster; exit 1 if there are problems.",
        "verify": "Check what a backup holds; exit 1 if it is damaged or cannot be restored.",
    },
    aliases={f"backup {word}": f"backups.{word}" for word in ("list", "prune")},
    sections={
        "Find and watch": ("status", "locks", "diff"),
        "Back up": ("backup", "verify", "restore", "backups"),
        "Change": ("maintenance",),
    },
)
