import click

from pvc_cli.cluster.node_control import plan_coordinator
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, dry_run_option, output_option, pass_context
from pvc_cli.commands.node._tell import tell


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
    return tell(context, node, plan_coordinator("primary"), dry_run=dry_run)
