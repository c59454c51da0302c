"""``pvc network``: look at what connects virtual machines."""

from __future__ import annotations

import click

from pvc_cli.commands.lazy import LazyGroup


@click.group(
    cls=LazyGroup,
    lazy={"sriov": ("pvc_cli.commands.sriov:sriov", "Network functions that virtual machines use directly.")},
)
def network() -> None:
    """Look at what connects virtual machines."""
