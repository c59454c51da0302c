import click

from pvc_cli.commands._common.command import Context, never_asks_option, pass_context
from pvc_cli.sandbox import control


@click.command("stop")
@never_asks_option
@pass_context
def command(context: Context) -> None:
    """Stop the sandbox and delete its data.

    \b
    Example:
      pvc sandbox stop
    """
    context.output.message("Sandbox stopped." if control.stop() else "No sandbox is running.")
