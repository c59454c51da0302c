import shlex

import click

from pvc_cli.cluster.undo import UNDO, changed_items
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import carry_out
from pvc_cli.commands._common.progress import ask_many
from pvc_cli.connections.history import find_entry, same_cluster
from pvc_cli.errors import RefusedError


@click.command("undo")
@click.argument("name", metavar="ID", shell_complete=complete.changes)
@yes_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, name: str, yes: bool, dry_run: bool) -> int:
    """Undo what a command changed: all that nobody has changed since.

    ID is one of 'pvc history list', or last. What was changed again since is refused by name, and the rest is undone.
    What daemons act on, such as a VM's state, and the schema version are not undone. An undo can be undone.

    \b
    Example:
      pvc vm tag add web-01 blue && pvc undo last --dry-run
    """
    if name != "last":
        find_entry(name).changes()
    with connect(context) as handler:
        entry = find_entry(name, handler.hosts)
        changes = entry.changes()
        if not same_cluster(entry.cluster, handler.hosts):
            raise RefusedError(
                f"{entry.id} changed another cluster: use --coordinators {entry.cluster}, or a connection to it"
            )
        if name == "last":
            context.output.message(f"The last change was: {shlex.join(entry.command)}")
        items = changed_items(handler, changes)
        ask_many(len(items), "items", yes=yes, dry_run=dry_run)
        return carry_out(context.output, handler, items, UNDO, dry_run=dry_run)
