import click

from pvc_cli.commands._common.command import Context, never_asks_option, pass_context, plain_dry_run_option
from pvc_cli.commands.connection._saved import name_argument, require, save
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import quoted


@click.command("use")
@name_argument
@never_asks_option
@plain_dry_run_option
@pass_context
def command(context: Context, name: str, dry_run: bool) -> None:
    """Make a saved connection the current one.

    \b
    Example:
      pvc connection use prod
    """

    def change(saved: Connections) -> Connections:
        return require(saved, name)._replace(current=name)

    save(
        context,
        change,
        f"Connection {quoted(name)} is now current.",
        f"Connection {quoted(name)} is current already.",
        dry_run=dry_run,
    )
