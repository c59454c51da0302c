import click

from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.tree_change import carry_out, preview
from pvc_cli.commands._common.tree_dry_run import say_tree
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.zk.migration.migrate import Migration
from pvc_cli.zk.migration.plan import Plan


@click.command()
@click.option("--version", "number", type=int, metavar="N", help="Version of an empty tree [default: newest].")
@click.option(
    "--prune", is_flag=True, help="Also delete retired keys and PVC's leftovers without data, and stuck locks."
)
@click.option("--force", is_flag=True, help="Prune even while daemons run another schema version.")
@click.option("--into-foreign", is_flag=True, help="Initialise a tree that holds something else, too.")
@yes_option
@dry_run_option
@output_option
@pass_context
def command(
    context: Context, number: int | None, prune: bool, force: bool, into_foreign: bool, yes: bool, dry_run: bool
) -> int:
    """Create missing keys; initialise an empty tree.

    While daemons run another schema version than the tree has, nothing is pruned but stuck locks, and the exit status
    is 1.

    \b
    Examples:
      pvc schema apply --dry-run
      pvc schema apply --prune
    """
    output = context.output
    postponed = 0

    def announce(plan: Plan) -> None:
        nonlocal postponed
        for path in plan.kept:
            output.warning(f"kept {path}: it holds data")
        postponed = sum(map(len, plan.postponed))
        if postponed:
            output.error(
                f"kept {postponed} znodes for now: the daemons of {', '.join(plan.behind)} run another schema"
                " version, and may need them or leave more; rerun once they follow, or override with --force"
            )
        if (plan.deletes or plan.stuck) and not dry_run and output.tabular:
            say_tree(output, handler, plan.changes())

    def question(plan: Plan) -> str:
        count = sum(map(len, plan.deletes)) + len(plan.stuck)
        return f"Remove {count} znodes?" if count else ""

    def matches(plan: Plan) -> str:
        return f"the {'rest of the tree' if plan.postponed else 'tree'} matches schema version {plan.target}"

    ask = prune and not yes

    def nothing(plan: Plan) -> str:
        if ask:
            announce(plan)  # which was not announced before a question: there was none
        return matches(plan)

    with connect(context) as handler:
        migration = Migration.apply(handler, number, prune=prune, force=force, into_foreign=into_foreign)
        if dry_run:
            preview(context, migration, announce)
        else:
            done = carry_out(context, migration, announce=announce, question=question, nothing=nothing, yes=not ask)
            if done:
                output.message(f"{matches(done[0]).capitalize()}: {done[1]}.")
    return EXIT_REFUSED if postponed else 0
