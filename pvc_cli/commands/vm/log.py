import click

from pvc_cli.cluster.vms.query import find, is_one
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.commands._common.logs import log_options, show_log
from pvc_cli.errors import InvalidInputError, quoted


@click.command("log")
@click.argument("vm", shell_complete=complete.vms)
@log_options
@pass_context
def command(context: Context, vm: str, lines: int, follow: bool) -> int:
    """Show the console log of a VM.

    \b
    Example:
      pvc vm log web-01 --lines 20
    """
    if not is_one(vm):
        raise InvalidInputError(f"{quoted(vm)} may match several: give one name")
    with connect(context) as handler:
        (found,) = find(handler, [vm])
        missing = f"VM {found.name} has no console log"
        key = ("domain.console.log", found.uuid)
        return show_log(context.output, handler, key, found.name, missing, lines=lines, follow=follow)
