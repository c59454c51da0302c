import click

from pvc_cli.cluster.faults import DELETE
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import carry_out
from pvc_cli.commands._common.progress import ask_many
from pvc_cli.commands.fault._choose import choosing, chosen


@click.command("delete")
@choosing
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, names: tuple[str, ...], everything: bool, yes: bool, dry_run: bool) -> int:
    """Delete faults.

    PVC reports a fault anew if its reason is still there.

    \b
    Examples:
      pvc fault delete --all
      pvc fault list -o name | pvc fault delete -
    """
    find = chosen(context, names, everything=everything)
    with connect(context) as handler:
        faults = find(handler)
        ask_many(len(faults), "faults", yes=yes, dry_run=dry_run)
        return carry_out(context.output, handler, faults, DELETE, dry_run=dry_run)
