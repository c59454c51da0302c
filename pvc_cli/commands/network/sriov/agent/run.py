import os
from pathlib import Path

import click

from pvc_cli.agent.linux import LinuxKernel
from pvc_cli.agent.service import Service
from pvc_cli.commands._common.command import Context, connect, pass_context
from pvc_cli.commands._common.file_names import File
from pvc_cli.commands._common.values import Seconds
from pvc_cli.commands.network.sriov.agent._agent import config_option, make_agent, node_option, read_config
from pvc_cli.connections.resolve import resolve


@click.command("run")
@node_option
@config_option
@click.option(
    "--metrics-file",
    type=File(path_type=Path),
    metavar="FILE",
    help="Write metrics for the node exporter's textfile collector.",
)
@click.option(
    "--resync",
    type=Seconds(1, 86400),
    default=30.0,
    metavar="SECONDS",
    help="Seconds between full rounds [default: 30].",
)
@click.option(
    "--state-file",
    type=File(path_type=Path),
    metavar="FILE",
    help="Keep the wanted settings for times without ZooKeeper [default: wanted.json in STATE_DIRECTORY, if set].",
)
@pass_context
def command(
    context: Context,
    node: str | None,
    config: Path | None,
    metrics_file: Path | None,
    resync: float,
    state_file: Path | None,
) -> None:
    """Run the agent until SIGTERM; SIGHUP reloads its configuration.

    On a node, its systemd unit runs this as pvc-sriov-agent, which takes the options below.

    \b
    Example:
      pvc sriov agent run --metrics-file /var/lib/prometheus/node-exporter/pvc-sriov.prom
    """
    context.unattended = True
    # systemd names the unit's folder; it is the first where there are several.
    folder = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    saved = state_file or (Path(folder) / "wanted.json" if folder else None)
    Service(
        make_agent(LinuxKernel(), node, config, saved),
        lambda on_session: connect(context, on_session, config),
        lambda: read_config(config),
        lambda: resolve(context.connection, context.coordinators, config),
        resync=resync,
        metrics_file=metrics_file,
    ).run()
