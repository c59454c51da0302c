"""Show what you changed with pvc, and what can be undone.

Every change to a cluster, or to a backup in its place, is kept for the user who made it, with what was there before.
"""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "list": "List what was changed, the latest first.",
        "show": "Show what one command changed.",
    },
    default="list",
)
