import shlex

import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.times import time_text
from pvc_cli.connections.history import list_entries, same_cluster


@click.command("list")
@click.option("--cluster", "this", is_flag=True, help="Only changes of the cluster in use.")
@output_option
@pass_context
def command(context: Context, this: bool) -> None:
    """List what was changed, the latest first.

    \b
    Examples:
      pvc history list
      pvc history list --cluster -o name
    """
    output, entries = context.output, list_entries()
    if this:
        with connect(context) as handler:
            entries = [entry for entry in entries if same_cluster(entry.cluster, handler.hosts)]
    output.show(
        lambda: (
            {
                "id": entry.id,
                "time": entry.time,
                "cluster": entry.cluster,
                "user": entry.user,
                "command": list(entry.command),
            }
            for entry in entries
        ),
        names=lambda: [entry.id for entry in entries],
        table=lambda: output.table(
            ("ID", "TIME", "CLUSTER", "COMMAND"),
            [[entry.id, time_text(entry.time), entry.cluster, shlex.join(entry.command)] for entry in entries],
        ),
    )
    if not entries:
        output.message("Nothing was changed.")
