import click

from pvc_cli.commands._common.command import Context, dry_run_option, pass_context
from pvc_cli.commands.connection._saved import load_with, name_argument, save
from pvc_cli.errors import quoted


@click.command("remove")
@name_argument
@dry_run_option
@pass_context
def command(context: Context, name: str, dry_run: bool) -> None:
    """Remove a saved connection; the cluster is not touched.

    \b
    Example:
      pvc connection remove prod
    """
    connections = load_with(name)
    hosts = {kept: servers for kept, servers in connections.hosts.items() if kept != name}
    more = {kept: entry for kept, entry in connections.more.items() if kept != name}
    current = None if connections.current == name else connections.current
    changed = connections._replace(hosts=hosts, current=current, more=more)
    save(context, connections, changed, f"Removed connection {quoted(name)}.", dry_run=dry_run)
