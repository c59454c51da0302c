"""Tell nodes what to do."""

from collections.abc import Callable, Sequence

import click

from pvc_cli.cluster.controls import Plan
from pvc_cli.cluster.node_control import reached
from pvc_cli.cluster.nodes import require_node
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Command, Context, connect, dry_run_option, output_option, yes_option
from pvc_cli.commands._common.outcomes import Patience, carry_out, wait_options
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

node_argument = click.argument("node", shell_complete=complete.nodes)
nodes_argument = click.argument(
    "nodes", metavar="NODE…", nargs=-1, required=True, shell_complete=complete.listed_nodes
)


def tell_options(command: Command) -> Command:
    """Add the options of a command that tells nodes what to do."""
    for option in (output_option, dry_run_option, yes_option, wait_options):
        command = option(command)
    return command


def tell(
    context: Context,
    words: Sequence[str],
    plan: Plan[str],
    key: str,
    state: str,
    patience: Patience,
    *,
    yes: bool,
    dry_run: bool,
    foresee: Callable[[Output, ZKHandler, Sequence[str]], None] | None = None,
) -> int:
    """Carry *plan* out on the nodes that *words* name.

    :param key: the key that says *state* once it is done.
    :param foresee: says in a dry run what would follow.
    :raises NotFoundError: if the cluster lacks one.
    """
    names = list(dict.fromkeys(context.names(words)))
    with connect(context) as handler:
        require_node(handler, *names)
        deed = Deed("flush") if state == "flushed" else Deed("make", state)
        ask_many(deed, "nodes", names, yes=yes, dry_run=dry_run)
        goal = reached(key, state)
        code = carry_out(context.output, handler, names, plan, dry_run=dry_run, goal=goal, patience=patience)
        if dry_run and foresee:
            foresee(context.output, handler, names)
        return code
