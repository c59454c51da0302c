import click

from pvc_cli.cluster.vms.tag_plans import plan_rename
from pvc_cli.cluster.vms.tagging import vms_with_tag
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import ask_many
from pvc_cli.commands.vm.tag._change import carry_out, force_name_option


@click.command("rename")
@click.argument("old", shell_complete=complete.tags)
@click.argument("new", shell_complete=complete.tags)
@click.option("--force", is_flag=True, help="Also rename protected and system tags, and drop OLD where a VM has NEW.")
@force_name_option
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, old: str, new: str, force: bool, force_name: bool, yes: bool, dry_run: bool) -> int:
    """Rename a tag on every VM that has it; its type and protection stay.

    \b
    Example:
      pvc vm tag rename staging test --dry-run
    """
    plan = plan_rename(old, new, force=force, any_name=force_name)
    with connect(context) as handler:
        vms = vms_with_tag(handler, old)
        ask_many(len(vms), "VMs", yes=yes, dry_run=dry_run)
        return carry_out(context, handler, vms, plan, dry_run=dry_run)
