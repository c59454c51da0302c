"""Options and set-up that both agent commands share."""

from pathlib import Path

import click

from pvc_cli import identity
from pvc_cli.agent.agent import Agent
from pvc_cli.agent.config import NodeConfig, parse_config
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import Kernel
from pvc_cli.agent.wanted import SavedWanted
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.file_names import File
from pvc_cli.connections.node_config import read_node_config

node_option = click.option(
    "--node", metavar="NODE", shell_complete=complete.nodes, help="Name of this node [default: its host name]."
)
config_option = click.option(
    "--config",
    type=File(path_type=Path),
    metavar="FILE",
    help="PVC configuration [default: PVC_CONFIG_FILE, else /etc/pvc/pvc.conf].",
)


def read_config(path: Path | None) -> NodeConfig:
    return parse_config(*read_node_config(path))


def make_agent(kernel: Kernel, node: str | None, config: Path | None, state_file: Path | None = None) -> Agent:
    name = node or identity.host()
    return Agent(kernel, name, Journal(), read_config(config), SavedWanted(state_file, name))
