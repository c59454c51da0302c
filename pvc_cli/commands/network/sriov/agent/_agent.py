"""What both agent commands need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from pvc_cli import identity
from pvc_cli.agent.agent import Agent
from pvc_cli.agent.config import parse_config
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import Kernel
from pvc_cli.commands._common import complete
from pvc_cli.connections.node_config import read_node_config

Command = TypeVar("Command", bound=Callable[..., object])


def node_options(command: Command) -> Command:
    """Add what says which node this is, and how it is configured."""
    for option in (
        click.option("--node", metavar="NODE", shell_complete=complete.nodes,
                     help="Which node this is (its host name)."),
        click.option("--config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                     help="The node's PVC configuration (PVC_CONFIG_FILE, else /etc/pvc/pvc.conf)."),
    ):  # fmt: skip
        command = option(command)
    return command


def make_agent(kernel: Kernel, node: str | None, config: Path | None) -> Agent:
    return Agent(kernel, node or identity.host(), Journal(), parse_config(*read_node_config(config)))
