import click

from pvc_cli.cluster.node_control import plan_domain_state
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands.node._tell import nodes_argument, tell, tell_options


@click.command("flush")
@nodes_argument
@tell_options
@pass_context
def command(context: Context, nodes: tuple[str, ...], patience: Patience, yes: bool, dry_run: bool) -> int:
    """Tell nodes to migrate their VMs away.

    NODE is a name, a list with commas, or - for names from standard input. Refused where the daemon does not run.

    \b
    Example:
      pvc node flush pvchv1
    """
    plan = plan_domain_state("flush")
    return tell(context, nodes, plan, "node.state.domain", "flushed", patience, yes=yes, dry_run=dry_run)
