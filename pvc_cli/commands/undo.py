import shlex

import click

from pvc_cli.cluster.undo import UNDO, changed_items
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.outcomes import carry_out
from pvc_cli.commands._common.progress import ask_many, confirm
from pvc_cli.connections.cluster_id import FILE, identify, unsure
from pvc_cli.connections.history import Entry, find_entry, renewed
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
    What daemons act on, such as a VM's state, and the schema version are not undone. To redo what was undone, give
    the ID of the undo: last never redoes anything.

    \b
    Example:
      pvc vm tag add web-01 blue && pvc undo last --dry-run
    """
    if name != "last":
        find_entry(name).changes()
    with connect(context) as handler:
        here = identify(handler)
        entry = find_entry(name, here)
        changes = entry.changes()
        if entry.cluster.is_copy(here):
            raise RefusedError(unsure(entry.cluster, here, f"that {entry.id} changed"))
        if not entry.cluster.is_same(here):
            raise RefusedError(f"{entry.id} changed another cluster: {_to_use(entry.cluster.hosts)}")
        if entry.unfinished():
            _require_confirmation(entry, name, yes=yes, dry_run=dry_run)
        if name == "last":
            if entry.undoes:
                raise RefusedError(
                    f"the last change was an undo (of {entry.undoes}), and undoing it would redo that: run 'pvc undo"
                    f" {entry.id}' to redo it, or choose an earlier change from 'pvc history list'"
                )
            context.output.message(f"The last change was: {shlex.join(entry.command)}")
        if not changes:
            context.output.message(f"Nothing to undo: all that {entry.id} changed, it took back itself.")
            return 0
        context.undoes = entry.id
        items = changed_items(handler, renewed(entry, changes))
        ask_many(len(items), "items", yes=yes, dry_run=dry_run)
        return carry_out(context.output, handler, items, UNDO, dry_run=dry_run)


def _require_confirmation(entry: Entry, name: str, *, yes: bool, dry_run: bool) -> None:
    """Ask whether to undo what a killed command may have changed: somebody else may have set the very same.

    :raises RefusedError: if it was not asked for by its ID, or is not confirmed.
    """
    what = f"{entry.id} is unfinished: whether it was made, or somebody else did the same, is unknown"
    if name == "last":
        raise RefusedError(
            f"the last change, {what}: see 'pvc history show {entry.id}', then run 'pvc undo {entry.id}', or choose"
            " an earlier change from 'pvc history list'"
        )
    if not dry_run:
        confirm(f"{what}. Undo what is as it would have left it?", yes=yes)


def _to_use(hosts: str) -> str:
    """Return how to use the cluster at *hosts*."""
    if hosts.startswith(FILE):
        return f"use --write -c {shlex.quote(hosts)}"
    return f"use --coordinators {hosts}, or a connection to it"
