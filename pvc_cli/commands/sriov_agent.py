"""``pvc sriov agent``: the node's side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from pvc_cli.commands import complete
from pvc_cli.commands.changes import show_changes
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import dry_run_option, output_option, pass_context
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output import Format

if TYPE_CHECKING:
    from pvc_cli.agent.agent import Agent
    from pvc_cli.agent.kernel import Kernel

Command = TypeVar("Command", bound=Callable[..., object])


def _node_options(command: Command) -> Command:
    """Add what says which node this is, and how it is configured."""
    for option in (
        click.option("--node", metavar="NODE", shell_complete=complete.nodes,
                     help="Which node this is (its host name)."),
        click.option("--config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                     help="The node's PVC configuration (PVC_CONFIG_FILE, else /etc/pvc/pvc.conf)."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(cls=LazyGroup)
def agent() -> None:
    """Bring this node's network cards and the tree into line.

    The agent runs on the node that it works for, as root: it creates the VFs that the node's PVC configuration
    asks for, writes them into the tree, and makes the card do what 'pvc sriov vf set' wants.
    """


def _agent(kernel: Kernel, node: str | None, config: Path | None) -> Agent:
    from pvc_cli import identity
    from pvc_cli.agent.agent import Agent
    from pvc_cli.agent.config import read_config
    from pvc_cli.agent.journal import Journal

    return Agent(kernel, node or identity.host(), Journal(), read_config(config))


@agent.command("sync")
@_node_options
@dry_run_option
@output_option
@pass_context
def sync(context: Context, node: str | None, config: Path | None, dry_run: bool, style: Format) -> None:
    """Do all that 'run' does, once.

    A dry run shows what would be changed in the tree, and says what would be set on the cards; VFs that would
    have to be created first are not known to it.

    \b
    Examples:
      pvc sriov agent sync --dry-run
      pvc sriov agent sync
    """
    from pvc_cli.agent.linux import LinuxKernel

    output = context.output
    with LinuxKernel() as kernel:
        agent = _agent(kernel, node, config)
        with context.connect(pvc_config=config) as handler:
            if dry_run:
                rehearsal = agent.rehearse(handler)
                show_changes(output, style, rehearsal.changes)
                for action in rehearsal.actions:
                    output.message(f"would set {action}")
                return
            restless = agent.pass_over(handler)
    reports = agent.reports.values()
    found, in_sync, refused = (sum(getattr(r, name) for r in reports) for name in ("vfs", "in_sync", "refused"))
    output.message(f"{in_sync} of {found} VFs in sync, {refused} settings refused.")
    if restless:
        output.warning("something failed that may succeed a moment later: run this again")
    if restless or refused:
        click.get_current_context().exit(EXIT_REFUSED)


@agent.command("run")
@_node_options
@click.option(
    "--metrics-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to leave figures for Prometheus (the node exporter's textfile collector).",
)
@click.option(
    "--resync",
    type=click.FloatRange(1, 86400),
    default=300.0,
    metavar="SECONDS",
    help="How often to look at everything again, changed or not (300).",
)
@pass_context
def run(context: Context, node: str | None, config: Path | None, metrics_file: Path | None, resync: float) -> None:
    """Work until it is stopped: SIGTERM ends it, SIGHUP makes it read the configuration again.

    systemd/pvc-sriov-agent.service runs this on a node.

    \b
    Example:
      pvc sriov agent run --metrics-file /var/lib/prometheus/node-exporter/pvc-sriov.prom
    """
    from pvc_cli.agent.config import read_config
    from pvc_cli.agent.linux import LinuxKernel
    from pvc_cli.agent.service import Service

    with LinuxKernel() as kernel:
        Service(
            _agent(kernel, node, config),
            lambda report: context.connect(report, config),
            lambda: read_config(config),
            resync=resync,
            metrics_file=metrics_file,
        ).run()
