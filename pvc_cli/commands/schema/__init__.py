"""``pvc schema``: look at the schema of the cluster's tree, and bring the tree to another version."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "apply": "Create what the tree lacks at the cluster's schema version; on an empty tree, begin one.",
        "diff": "Show what differs between two schema versions. Needs no cluster.",
        "history": "List all schema versions that this pvc knows, and what each brought. Needs no cluster.",
        "path": "Show the path of a key at the cluster's schema version.",
        "rollback": "Take the tree back to an older schema version. What that version lacks is lost.",
        "show": "Show the cluster's schema version, what its nodes run and know, and what is pending.",
        "upgrade": "Bring the tree to a newer schema version. All PVC daemons restart with it.",
        "validate": "Compare the tree with the cluster's schema version; exit 1 where they differ.",
    },
    help="Look at the schema of the cluster's tree, and bring the tree to another version.",
)
