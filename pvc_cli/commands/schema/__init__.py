"""Show, check and migrate the schema of the tree."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "apply": "Create missing keys; initialise an empty tree.",
        "diff": "Show the differences between two schema versions.",
        "history": "List all known schema versions.",
        "path": "Show the path of a key.",
        "rollback": "Go back to an older schema version; keys it lacks are deleted.",
        "show": "Show the schema version of the cluster and of its nodes.",
        "upgrade": "Upgrade the tree to a newer schema version; all PVC daemons restart.",
        "validate": "Check the tree against its schema version; exit 1 if they differ.",
    },
    sections={
        "Show": ("show", "validate", "history", "diff", "path"),
        "Change": ("upgrade", "rollback", "apply"),
    },
)
