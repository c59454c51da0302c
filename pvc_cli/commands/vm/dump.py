import sys

import click

from pvc_cli.cluster.vms.query import find
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.errors import NotFoundError, printable


@click.command("dump")
@click.argument("vms", metavar="VM…", nargs=-1, required=True, shell_complete=complete.vms)
@pass_context
def command(context: Context, vms: tuple[str, ...]) -> None:
    """Print the libvirt XML of VMs.

    VM is a name, a UUID, a list with commas, a pattern in quotes, or - for names from standard input.

    \b
    Example:
      pvc vm dump web-01 > web-01.xml
    """
    names = context.names(vms)
    with connect(context) as handler:
        found = find(handler, names)
        texts = handler.read_many(("domain.xml", vm.uuid) for vm in found)
    for vm, text in zip(found, texts, strict=True):
        if text is None:
            raise NotFoundError(f"VM {vm.name} has no XML")
        if sys.stdout.isatty():
            # What is in a VM's XML must not control the terminal.
            text = "\n".join(map(printable, text.splitlines()))
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
