import click

from pvc_cli.cluster.node_control import plan_coordinator
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands.node._tell import node_argument, tell, tell_options


@click.command("secondary")
@node_argument
@tell_options
@pass_context
def command(context: Context, node: str, patience: Patience, yes: bool, dry_run: bool) -> int:
    """Make the primary coordinator a secondary one; another takes over.

    Refused for a node that is not a coordinator, or whose daemon does not run.

    \b
    Example:
      pvc node secondary pvchv1
    """
    plan = plan_coordinator("secondary")
    return tell(context, [node], plan, "node.state.router", "secondary", patience, yes=yes, dry_run=dry_run)
