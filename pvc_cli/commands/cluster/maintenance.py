import click

from pvc_cli.cluster.maintenance import plan_maintenance
from pvc_cli.commands._common.command import (
    Context,
    connect,
    dry_run_option,
    never_asks_option,
    output_option,
    pass_context,
)
from pvc_cli.commands._common.outcomes import carry_out


@click.command("maintenance")
@click.argument("state", metavar="on|off", type=click.Choice(("on", "off")))
@never_asks_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, state: str, dry_run: bool) -> int:
    """Switch maintenance mode; while it is on, PVC fences no node.

    \b
    Example:
      pvc cluster maintenance on
    """
    with connect(context) as handler:
        return carry_out(context.output, handler, ["cluster"], plan_maintenance(on=state == "on"), dry_run=dry_run)
