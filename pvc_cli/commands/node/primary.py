import click

from pvc_cli.cluster.node_control import plan_coordinator
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands.node._tell import node_argument, tell, tell_options


@click.command("primary")
@node_argument
@tell_options
@pass_context
def command(context: Context, node: str, patience: Patience, yes: bool, dry_run: bool) -> int:
    """Make a node the primary coordinator.

    Refused for a node that is not a coordinator, or whose daemon does not run.

    \b
    Example:
      pvc node primary pvchv1
    """
    plan = plan_coordinator("primary")
    return tell(context, [node], plan, "node.state.router", "primary", patience, yes=yes, dry_run=dry_run)
