import click

from pvc_cli.cluster.vms.tag_plans import plan_rename
from pvc_cli.cluster.vms.tagging import Renaming, find_renaming
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.commands.vm.tag._change import carry_out, force_name_option
from pvc_cli.errors import RefusedError, quoted
from pvc_cli.output.writer import Output


@click.command("rename")
@click.argument("old", shell_complete=complete.tags)
@click.argument("new", shell_complete=complete.tags)
@click.option("--force", is_flag=True, help="Also rename protected and system tags, and merge OLD into NEW.")
@force_name_option
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, old: str, new: str, force: bool, force_name: bool, yes: bool, dry_run: bool) -> int:
    """Rename a tag on every VM that has it; its type and protection stay.

    Refused if a VM has NEW already: --force merges the two, and a VM that has both loses OLD.

    \b
    Example:
      pvc vm tag rename staging test --dry-run
    """
    plan = plan_rename(old, new, force=force, any_name=force_name)
    with connect(context) as handler:
        having = find_renaming(handler, old, new)
        if having.new:
            _settle_merge(context.output, having, old, new, force=force)
        vms = having.old
        deed = Deed(f"rename tag {quoted(old)} to {quoted(new)} on")
        ask_many(deed, "VMs", vms, yes=yes, dry_run=dry_run)
        return carry_out(context, handler, vms, plan, dry_run=dry_run)


def _settle_merge(output: Output, having: Renaming, old: str, new: str, *, force: bool) -> None:
    """Warn that two tags become one.

    :raises RefusedError: without *force*: a part would be renamed, and nothing tells it from the rest.
    """
    have = "1 VM has" if len(having.new) == 1 else f"{len(having.new)} VMs have"
    merged = "afterwards nothing but 'pvc undo' tells them apart"
    if not force:
        raise RefusedError(
            f"{have} a tag {quoted(new)} already, and {merged}: choose another name, or use --force to merge"
            f" {quoted(old)} into it"
        )
    output.warning(f"{have} {quoted(new)} already: {merged}")
