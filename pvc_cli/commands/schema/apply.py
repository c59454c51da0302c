import click

from pvc_cli.commands._common.changes import show_changes
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.tree_change import carry_out, preview
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan


@click.command()
@click.option("--version", "number", type=int, metavar="N", help="Version of an empty tree [default: newest].")
@click.option(
    "--prune", is_flag=True, help="Also delete retired keys and PVC's leftovers without data, and stuck locks."
)
@click.option("--into-foreign", is_flag=True, help="Initialise a tree that holds something else, too.")
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, number: int | None, prune: bool, into_foreign: bool, yes: bool, dry_run: bool) -> None:
    """Create missing keys; initialise an empty tree.

    \b
    Examples:
      pvc schema apply --dry-run
      pvc schema apply --prune
    """
    output = context.output

    def announce(plan: Plan) -> None:
        for path in plan.kept:
            output.warning(f"kept {path}: it holds data")
        if (plan.deletes or plan.stuck) and not dry_run:
            show_changes(output, plan.changes())

    def question(plan: Plan) -> str:
        count = sum(map(len, plan.deletes)) + len(plan.stuck)
        return f"Remove {count} znodes?" if count else ""

    with connect(context) as handler:
        migration = Migration.apply(handler, number, prune=prune, into_foreign=into_foreign)
        if dry_run:
            preview(context, migration, announce)
            return
        nothing = f"the tree matches schema version {migration.target.version}"
        ask = prune and not yes
        done = carry_out(context, migration, announce=announce, question=question, nothing=nothing, yes=not ask)
        if done:
            output.message(f"The tree matches schema version {migration.target.version}: {done[1]}.")
