"""The records of a cluster's health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.cluster.faults import Fault
from pvc_cli.cluster.node_details import NodeDetails
from pvc_cli.cluster.nodes import Node

if TYPE_CHECKING:
    from pvc_cli.zk.ensemble import EnsembleReport

SERIOUS = 5
"""The weight of a problem that PVC does not count."""


class Problem(NamedTuple):
    """What is wrong, or a note; *see* is the command that shows more."""

    area: str
    what: str
    see: str
    weight: int = SERIOUS
    """How serious it is: the percent of health that PVC takes for it; 0 is a note."""

    @property
    def serious(self) -> bool:
        """Whether it is a problem, not a note."""
        return self.weight > 0


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The health of a cluster, and what it is made of."""

    schema_version: int
    maintenance: bool
    primary: str
    """The node that is to be the primary coordinator; empty if none is."""
    upstream_ip: str
    nodes: tuple[Node, ...]
    details: tuple[NodeDetails, ...]
    """Of each of the nodes."""
    vms: Mapping[str, int]
    """The number of VMs in each state."""
    osds: Mapping[str, int]
    """The number of OSDs in each state, such as ``up,in``."""
    networks: int
    pools: int
    volumes: int
    snapshots: int
    faults: tuple[Fault, ...]
    """Those that nobody has acknowledged."""
    servers: EnsembleReport | None
    """The ZooKeeper servers; None of a backup, which has none."""
    problems: tuple[Problem, ...]
    """The most serious first, notes last."""

    @property
    def acting_primaries(self) -> tuple[str, ...]:
        """The nodes that say they are the primary coordinator: one, unless a change is under way or stuck."""
        return tuple(node.name for node in self.nodes if node.coordinator_state == "primary")

    @property
    def primary_text(self) -> str:
        """Which node is the primary coordinator, and which one is to be, if that is another."""
        acting = ", ".join(self.acting_primaries)
        if acting == self.primary:
            return acting or "none"
        return f"{acting or 'none'} ({self.primary or 'another'} requested)"

    @property
    def health(self) -> int:
        """PVC's own number, in percent: what the faults that nobody has acknowledged leave of 100."""
        return max(100 - sum(max(fault.health_delta or 0, 0) for fault in self.faults), 0)

    @property
    def healthy(self) -> bool:
        """Whether there are no serious problems."""
        return not any(problem.serious for problem in self.problems)
