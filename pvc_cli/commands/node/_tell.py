"""Tell nodes what to do."""

from pvc_cli.cluster.controls import Plan
from pvc_cli.cluster.nodes import require_node
from pvc_cli.commands._common.command import Context, connect
from pvc_cli.commands._common.outcomes import carry_out


def tell(context: Context, node: str, plan: Plan[str], *, dry_run: bool) -> int:
    """Carry *plan* out on the nodes that the word *node* names.

    :raises NotFoundError: if the cluster lacks one.
    """
    names = context.names([node])
    with connect(context) as handler:
        require_node(handler, *names)
        return carry_out(context.output, handler, names, plan, dry_run=dry_run)
