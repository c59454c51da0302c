import click

from pvc_cli.commands._common.command import Context, never_asks_option, pass_context, plain_dry_run_option
from pvc_cli.commands.connection._saved import name_argument, require, save
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import quoted


@click.command("remove")
@name_argument
@never_asks_option
@plain_dry_run_option
@pass_context
def command(context: Context, name: str, dry_run: bool) -> None:
    """Remove a saved connection; the cluster is not touched.

    To remove a protected one, type its name; scripts pass --confirm NAME.

    \b
    Example:
      pvc connection remove prod
    """

    def change(saved: Connections) -> Connections:
        require(saved, name)
        return saved._replace(
            hosts={kept: servers for kept, servers in saved.hosts.items() if kept != name},
            current=None if saved.current == name else saved.current,
            more={kept: entry for kept, entry in saved.more.items() if kept != name},
        )

    save(
        context,
        change,
        f"Removed connection {quoted(name)}.",
        f"Connection {quoted(name)} is removed already.",
        dry_run=dry_run,
    )
