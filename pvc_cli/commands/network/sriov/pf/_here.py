"""What both commands share that work on a node's own configuration and card."""

import shlex

from pvc_cli import identity
from pvc_cli.cluster.nodes import require_node
from pvc_cli.errors import RefusedError, quoted
from pvc_cli.zk import ZKHandler


def require_here(handler: ZKHandler, node: str, *words: str) -> None:
    """Check that *node* is this machine, and its cluster a running one.

    :param words: the command, to be run there.
    :raises NotFoundError: if the cluster has no such node.
    :raises RefusedError: if it is another machine, or the cluster is a backup.
    """
    require_node(handler, node)
    if not handler.is_live:
        raise RefusedError(
            "cannot do this on a backup: the configuration and the card are those of a running node; omit -c file:"
        )
    if node != identity.host():
        command = shlex.join(["pvc", "sriov", "pf", *words])
        raise RefusedError(
            f"cannot do this on this machine ({quoted(identity.host())}): the configuration and the card are those of"
            f" {node}; run there: '{command}'"
        )
