"""Show a running sandbox."""

from dataclasses import asdict

from pvc_cli.connections.resolve import resolve
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_REFUSED, PvcError
from pvc_cli.output.cells import Cell
from pvc_cli.sandbox.control import Sandbox, SandboxServer


def show_sandbox(context: Context, sandbox: Sandbox) -> int:
    """Show *sandbox*, warn where another cluster comes first, and return 1 if too few of its servers run."""
    servers = sandbox.servers
    running = sum(server.running for server in servers)
    quorum = running > len(servers) // 2
    status = f"{running} of {len(servers)} servers run" if len(servers) > 1 else "running"
    context.output.show(
        lambda: {**asdict(sandbox), "servers": [server._asdict() for server in servers], "quorum": quorum},
        names=lambda: [sandbox.hosts],
        table=lambda: context.output.fields(
            [
                ("Coordinators", sandbox.hosts),
                ("Status", Cell(status, "green") if quorum else Cell(f"{status}: no quorum", "red")),
                ("Processes", ", ".join(map(_process, servers))),
                ("VMs", f"{sandbox.vms} at the start"),
                ("Schema", f"version {sandbox.schema_version} at the start"),
            ]
        ),
    )
    if not quorum:
        context.output.message("The sandbox serves nobody: end it with 'pvc sandbox stop', and start another.")
    warn_of_another(context, sandbox)
    return 0 if quorum else EXIT_REFUSED


def _process(server: SandboxServer) -> str:
    return f"{server.process} ({server.name}{'' if server.running else ', ended'})"


def warn_of_another(context: Context, sandbox: Sandbox) -> None:
    """Warn if pvc uses another cluster than *sandbox* where it is not told which."""
    try:
        in_use = resolve(context.connection, context.coordinators)
    except PvcError:
        # No command acts on a cluster that cannot be told.
        return
    if in_use.hosts != sandbox.hosts:
        context.output.warning(f"without '-c sandbox', pvc uses {in_use.hosts} (from {in_use.origin})")
