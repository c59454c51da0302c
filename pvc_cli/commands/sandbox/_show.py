"""Show a running sandbox."""

from dataclasses import asdict

from pvc_cli.context import Context
from pvc_cli.sandbox.control import Sandbox


def show_sandbox(context: Context, sandbox: Sandbox) -> None:
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
