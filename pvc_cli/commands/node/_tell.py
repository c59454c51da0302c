"""Tell nodes what to do."""

import click

from pvc_cli.cluster.controls import Plan
from pvc_cli.cluster.node_control import reached
from pvc_cli.cluster.nodes import require_node
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Command, Context, connect, dry_run_option, output_option
from pvc_cli.commands._common.outcomes import Patience, carry_out, wait_options


def tell_options(command: Command) -> Command:
    """Add the argument and the options of a command that tells nodes what to do."""
    for option in (
        output_option,
        dry_run_option,
        wait_options,
        click.argument("node", shell_complete=complete.nodes),
    ):
        command = option(command)
    return command


def tell(
    context: Context, node: str, plan: Plan[str], key: str, state: str, patience: Patience, *, dry_run: bool
) -> int:
    """Carry *plan* out on the nodes that the word *node* names.

    :param key: the key that says *state* once it is done.
    :raises NotFoundError: if the cluster lacks one.
    """
    names = context.names([node])
    with connect(context) as handler:
        require_node(handler, *names)
        goal = reached(key, state)
        return carry_out(context.output, handler, names, plan, dry_run=dry_run, goal=goal, patience=patience)
