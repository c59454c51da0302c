from collections.abc import Sequence

import click

from pvc_cli.cluster.node_control import plan_domain_state, plan_flush
from pvc_cli.cluster.vms.evacuation import foresee_flush
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.commands._common.command import Context, pass_context
from pvc_cli.commands._common.outcomes import Patience
from pvc_cli.commands._common.refusals import is_verbose
from pvc_cli.commands.node._tell import nodes_argument, tell, tell_options
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler

_FIRST = 8
"""How many names stand for many, unless -v asks for all."""


@click.command("flush")
@nodes_argument
@click.option("--force", is_flag=True, help="Flush nodes even if no other is left to take their VMs.")
@tell_options
@pass_context
def command(
    context: Context, nodes: tuple[str, ...], force: bool, patience: Patience, yes: bool, dry_run: bool
) -> int:
    """Tell nodes to migrate their VMs away.

    NODE is a name, a list with commas, or - for names from standard input. Refused where the daemon does not run, and
    if no other node would be left that is ready: PVC shuts down VMs that it finds no node for. --dry-run names those.

    \b
    Example:
      pvc node flush pvchv1
    """
    plan = plan_domain_state("flush") if force else plan_flush
    return tell(
        context, nodes, plan, "node.state.domain", "flushed", patience, yes=yes, dry_run=dry_run, foresee=_foresee
    )


def _foresee(output: Output, handler: ZKHandler, nodes: Sequence[str]) -> None:
    """Say what would become of the VMs of *nodes*."""
    for node, migrated, crowded, shut_down in foresee_flush(handler, nodes):
        output.message(f"{node}: {len(migrated) or 'no'} running VM{'s' * (len(migrated) != 1)} would migrate.")
        if crowded:
            output.message(f"{node}: not enough free memory elsewhere for {_some(crowded)}.")
        if shut_down:
            output.message(f"{node}: PVC would shut down {_some(shut_down)}: no other node may take them.")


def _some(vms: Sequence[VmRef]) -> str:
    names = [vm.name for vm in (vms if is_verbose() else vms[:_FIRST])]
    more = f", … (-v names all {len(vms)})" if len(names) < len(vms) else ""
    return ", ".join(names) + more
