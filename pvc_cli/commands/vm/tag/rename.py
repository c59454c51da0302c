import click

from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.tag_plans import plan_rename
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context
from pvc_cli.commands._common.selecting import Selection, chosen_vms
from pvc_cli.commands.vm.tag._change import carry_out


@click.command("rename")
@click.argument("old", shell_complete=complete.tags)
@click.argument("new", shell_complete=complete.tags)
@click.option("--force", is_flag=True, help="Also rename protected and system tags, and drop OLD where a VM has NEW.")
@dry_run_option
@output_option
@pass_context
def command(context: Context, old: str, new: str, force: bool, dry_run: bool) -> int:
    """Rename a tag on every VM that has it; its type and protection stay.

    \b
    Example:
      pvc vm tag rename staging test --dry-run
    """
    plan = plan_rename(old, new, force=force)
    having = Selection((), everything=False, filters=Filters(tags=(old,)))
    with connect(context) as handler:
        return carry_out(context, handler, chosen_vms(context.output, handler, [], having), plan, dry_run=dry_run)
