import click

from pvc_cli.commands._common.command import Context, never_asks_option, output_option, pass_context
from pvc_cli.commands._common.values import Number
from pvc_cli.commands.sandbox._show import show_sandbox, warn_of_another
from pvc_cli.connections.resolve import resolve
from pvc_cli.sandbox import control


@click.command("start")
@click.option(
    "--servers", type=click.Choice(("1", "3")), default="1", help="Number of ZooKeeper servers [default: 1]."
)
@click.option("--vms", type=Number(0, 200_000), default=20, metavar="N", help="Number of VMs [default: 20].")
@click.option("--schema-version", type=int, metavar="N", help="Schema version [default: newest].")
@click.option("--trouble", is_flag=True, help="Bring trouble of every kind to it, for 'pvc cluster status'.")
@never_asks_option
@output_option
@pass_context
def command(context: Context, servers: str, vms: int, schema_version: int | None, trouble: bool) -> None:
    """Start a sandbox with demo data.

    \b
    Examples:
      pvc sandbox start --vms 100 --schema-version 0
      pvc sandbox start --trouble
    """
    if running := control.status():
        # It is refused below; whoever goes on with the one that runs has to know which cluster that is.
        warn_of_another(context, running)
    started = control.start(servers=int(servers), vms=vms, schema_version=schema_version, trouble=trouble)
    if context.output.style == "table":
        in_use = resolve(context.connection, context.coordinators)
        name = "" if in_use.hosts == started.hosts else "-c sandbox "
        context.output.message(
            f"Sandbox running at {started.hosts}: {started.vms} VMs, schema version {started.schema_version}."
            f" Try 'pvc {name}vm list'; stop it with 'pvc sandbox stop'."
        )
        warn_of_another(context, started)
    else:
        show_sandbox(context, started)
