"""Show a running sandbox."""

from dataclasses import asdict

from pvc_cli.connections.resolve import resolve
from pvc_cli.context import Context
from pvc_cli.errors import PvcError
from pvc_cli.sandbox.control import Sandbox


def show_sandbox(context: Context, sandbox: Sandbox) -> None:
    """Show *sandbox*, and warn where another cluster comes first."""
    context.output.show(
        lambda: asdict(sandbox),
        names=lambda: [sandbox.hosts],
        table=lambda: context.output.fields(
            [
                ("Coordinators", sandbox.hosts),
                ("Processes", ", ".join(map(str, sandbox.processes))),
                ("VMs", f"{sandbox.vms} at the start"),
                ("Schema", f"version {sandbox.schema_version} at the start"),
            ]
        ),
    )
    warn_of_another(context, sandbox)


def warn_of_another(context: Context, sandbox: Sandbox) -> None:
    """Warn if pvc uses another cluster than *sandbox* where it is not told which."""
    try:
        in_use = resolve(context.connection, context.coordinators)
    except PvcError:
        # No command acts on a cluster that cannot be told.
        return
    if in_use.hosts != sandbox.hosts:
        context.output.warning(f"without '-c sandbox', pvc uses {in_use.hosts} (from {in_use.origin})")
