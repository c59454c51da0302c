import click

from pvc_cli.cluster.nodes import require_node
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.commands._common.logs import log_options, show_log


@click.command("log")
@click.argument("node", shell_complete=complete.nodes)
@log_options
@pass_context
def command(context: Context, node: str, lines: int, follow: bool) -> int:
    """Show the log of a node's daemon.

    \b
    Examples:
      pvc node log pvchv1 --lines 20
    """
    with connect(context) as handler:
        require_node(handler, node)
        missing = f"node {node} has no log: its daemon writes one if node_log_zookeeper is on in its configuration"
        return show_log(context.output, handler, ("logs.messages", node), node, missing, lines=lines, follow=follow)
