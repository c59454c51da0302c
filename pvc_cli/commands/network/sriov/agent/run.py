"""``pvc network sriov agent run``."""

from __future__ import annotations

from pathlib import Path

import click

from pvc_cli.agent.config import parse_config
from pvc_cli.agent.linux import LinuxKernel
from pvc_cli.agent.service import Service
from pvc_cli.commands._common.options import pass_context
from pvc_cli.commands.network.sriov.agent._agent import make_agent, node_options
from pvc_cli.connections.node_config import read_node_config
from pvc_cli.connections.session import connect
from pvc_cli.context import Context


@click.command("run")
@node_options
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
def command(
    context: Context, node: str | None, config: Path | None, metrics_file: Path | None, resync: float
) -> None:
    """Work until it is stopped: SIGTERM ends it, SIGHUP makes it read the configuration again.

    systemd/pvc-sriov-agent.service runs this on a node.

    \b
    Example:
      pvc sriov agent run --metrics-file /var/lib/prometheus/node-exporter/pvc-sriov.prom
    """
    with LinuxKernel() as kernel:
        Service(
            make_agent(kernel, node, config),
            lambda report: connect(context, report, config),
            lambda: parse_config(*read_node_config(config)),
            resync=resync,
            metrics_file=metrics_file,
        ).run()
