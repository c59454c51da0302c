"""The SR-IOV agents of a cluster: who manages which node, and what they report."""

from typing import NamedTuple

from pvc_cli.cluster.nodes import Node
from pvc_cli.cluster.sriov.model import require_sriov
from pvc_cli.cluster.sriov.report import Report, lock_holder, read_reports
from pvc_cli.zk import ZKHandler


class Agent(NamedTuple):
    """The agent of a node, as the tree shows it."""

    node: str
    holder: str
    """Who manages the node now; empty if no agent does."""
    report: Report | None
    """What was reported last; None if nothing was."""
    silent: bool
    """Whether its heartbeat is overdue, by the clock of its node."""

    @property
    def state(self) -> str:
        """``running``, ``silent`` (it reported and does so no longer), ``stopped`` or ``none`` (never reported)."""
        if self.holder:
            return "silent" if self.silent else "running"
        return "stopped" if self.report else "none"


def read_agents(handler: ZKHandler, nodes: list[Node]) -> list[Agent]:
    """Return the agent of each of *nodes*.

    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    require_sriov(handler)
    reports = read_reports(handler, [node.name for node in nodes])
    return [
        Agent(node.name, lock_holder(handler, node.name), reports[node.name], is_silent(node, reports[node.name]))
        for node in nodes
    ]


def is_silent(node: Node, report: Report | None) -> bool:
    """Tell whether an agent's heartbeat is overdue: its node's keepalive is of the same clock."""
    return bool(report and node.keepalive and report.agent.is_silent(node.keepalive))
