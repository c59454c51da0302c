"""What the rows of production share: the tree, another configuration, and changes by hand."""

from __future__ import annotations

import statistics
import time

from pvc_cli.cluster.sriov.model import Value, find_vfs
from pvc_cli.cluster.sriov.settings import change_settings, check_settings
from pvc_cli.zk import ZKHandler
from tests.kernel.node import (
    CONFIG,
    NODE,
    RESYNC,
    card,
    expect,
    ip,
    within,
)

TIMES = 15
"""How often a VF is changed by hand for a median."""


class Tree:
    """The cluster's tree, past the stand-in for ZooKeeper: also while that is down."""

    def __init__(self, hosts: str) -> None:
        self._hosts = hosts

    def open(self) -> ZKHandler:
        return ZKHandler(self._hosts)

    def set(self, name: str, **settings: Value) -> None:
        """Change settings of a VF, as `pvc sriov vf set` does."""
        with self.open() as handler:
            change_settings(handler, find_vfs(handler, NODE, [name]), check_settings(settings))

    def wanted(self, name: str, setting: str) -> str | None:
        """What the tree has of a setting of a VF."""
        with self.open() as handler:
            return handler.read(("node.sriov.vf", NODE, f"sriov_vf.config.{setting}", name))

    def names(self) -> list[str]:
        """The VFs that are registered."""
        with self.open() as handler:
            return handler.children(("node.sriov.vf", NODE)) or []


class configured:  # noqa: N801 - used as a function
    """Another configuration for a ``with`` block."""

    def __init__(self, old: str, new: str) -> None:
        self._before = CONFIG.read_text()
        self._text = self._before.replace(old, new)

    def __enter__(self) -> None:
        CONFIG.write_text(self._text)

    def __exit__(self, *_error: object) -> None:
        CONFIG.write_text(self._before)


def drifts_often(phy: str, index: int, vlan: int) -> str:
    """Change a VF's VLAN by hand, again and again, and return how long the agent took."""
    took = []
    for _ in range(TIMES):
        time.sleep(1)
        took.append(drifts(phy, index, vlan))
    middle = statistics.median(took)
    times = f"VF {index} put right after {middle:.2f} s at the median of {TIMES}, {max(took):.2f} s at most"
    expect("less than a second at the median", middle < 1, times)
    return f"{times}: {card(phy, index)}"


def drifts(phy: str, index: int, vlan: int) -> float:
    """Change a VF's VLAN by hand, wait for the agent to correct it, and return how many seconds that took."""
    ip("link", "set", phy, "vf", str(index), "vlan", "55")
    started = time.monotonic()
    within("it is put right", lambda: card(phy, index)["vlan_id"] == vlan, RESYNC, 0.02)
    return time.monotonic() - started
