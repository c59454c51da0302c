import click

from pvc_cli.commands._common.command import Context, connect, dry_run_option, pass_context, result_option
from pvc_cli.commands._common.desired import STATE_NAMES, Limits, apply_state, limit_options, read_file
from pvc_cli.commands._common.file_names import File
from pvc_cli.commands._common.planned import apply_plan


@click.command("apply")
@click.argument("planned", metavar="[PLAN]", required=False, type=File())
@click.option(
    *STATE_NAMES, metavar="STATE", type=File(allow_dash=True),
    help="File of desired state to apply; - reads standard input.",
)  # fmt: skip
@limit_options
@dry_run_option
@result_option
@pass_context
def command(context: Context, planned: str | None, file: str | None, limits: Limits, dry_run: bool) -> int:
    """Apply a file of desired state, or carry out a plan.

    STATE names VMs with their tags and metadata, and VFs with their settings; 'pvc export' writes such a file.
    What it does not name stays as it is. Each VM and VF is changed whole or not at all.

    PLAN is what another command wrote with --plan. Exactly that is done, and nothing if anything that it was
    decided on has changed before it begins (exit 5). What others change meanwhile is refused by name.

    \b
    Examples:
      pvc export > state.yaml && pvc apply -f state.yaml --dry-run
      pvc apply -f state.yaml --prune
      pvc vm tag add web-01 blue --plan blue.plan && pvc apply blue.plan
    """
    if planned is not None and file is None:
        if limits._replace(yes=False) != Limits():
            raise click.UsageError("--prune, --force and --force-name go with -f: a plan says all by itself")
        return apply_plan(context, planned, yes=limits.yes, dry_run=dry_run)
    if file is None or planned is not None:
        raise click.UsageError("expected either a PLAN, or -f STATE")
    state = read_file(context, file)
    with connect(context) as handler:
        return apply_state(context.output, handler, state, limits, dry_run=dry_run)
