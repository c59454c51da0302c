import click

from pvc_cli.commands._common.command import Context, dry_run_option, pass_context
from pvc_cli.commands.connection._saved import load_with, name_argument, save
from pvc_cli.errors import quoted


@click.command("use")
@name_argument
@dry_run_option
@pass_context
def command(context: Context, name: str, dry_run: bool) -> None:
    """Make a saved connection the current one.

    \b
    Example:
      pvc connection use prod
    """
    connections = load_with(name)
    changed = connections._replace(current=name)
    save(context, connections, changed, f"Connection {quoted(name)} is now current.", dry_run=dry_run)
