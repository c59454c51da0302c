"""``pvc node``: look at nodes."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "info": "Show all that is known of a node; a list with commas, or - for standard input, shows several.",
        "list": "List the nodes of the cluster.",
    },
    help="Look at nodes.",
)
