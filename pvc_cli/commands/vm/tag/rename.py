import click

from pvc_cli.cluster.vms.tag_plans import plan_rename
from pvc_cli.cluster.vms.tagging import vms_by_tag
from pvc_cli.cluster.vms.tags import SEE_TAGS
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import ask_many
from pvc_cli.commands.vm.tag._change import carry_out, force_name_option
from pvc_cli.errors import NotFoundError, hint, quoted


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
        having = vms_by_tag(handler)
        if old not in having:
            raise NotFoundError(f"no VM has a tag {quoted(old)}: {hint(old, having, SEE_TAGS)}")
        vms, others = having[old], having.get(new, [])
        if others and others != vms:
            have = "1 VM has" if len(others) == 1 else f"{len(others)} VMs have"
            context.output.warning(
                f"{have} {quoted(new)} already: afterwards nothing but 'pvc undo' tells them apart"
            )
        ask_many(len(vms), "VMs", yes=yes, dry_run=dry_run)
        return carry_out(context, handler, vms, plan, dry_run=dry_run)
