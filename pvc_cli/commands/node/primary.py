import click

from pvc_cli.cluster.node_control import plan_coordinator
from pvc_cli.cluster.nodes import require_node
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context
from pvc_cli.commands._common.outcomes import carry_out


@click.command("primary")
@click.argument("node", shell_complete=complete.nodes)
@dry_run_option
@output_option
@pass_context
def command(context: Context, node: str, dry_run: bool) -> int:
    """Make a node the primary coordinator.

    Refused for a node that is not a coordinator, or whose daemon does not run.

    \b
    Example:
      pvc node primary pvchv1
    """
    names = context.names([node])
    with connect(context) as handler:
        require_node(handler, *names)
        return carry_out(context.output, handler, names, plan_coordinator("primary"), dry_run=dry_run)
