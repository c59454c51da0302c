import click

from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.commands.sandbox._show import show_sandbox
from pvc_cli.errors import NotFoundError
from pvc_cli.sandbox import control


@click.command("status")
@output_option
@pass_context
def command(context: Context) -> int:
    """Show the running sandbox; exit 1 if there is none, or no quorum.

    \b
    Example:
      pvc sandbox status -o json
    """
    running = control.status()
    if running is None:
        raise NotFoundError("no sandbox is running: start one with 'pvc sandbox start'")
    return show_sandbox(context, running)
