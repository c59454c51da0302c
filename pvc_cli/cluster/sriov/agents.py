"""The SR-IOV agents of a cluster: who manages which node, and what they report."""

from collections.abc import Iterable
from typing import NamedTuple

from pvc_cli.cluster.nodes import Node
from pvc_cli.cluster.sriov.model import VfRef, require_sriov
from pvc_cli.cluster.sriov.report import Report, VfReport, parse_report, report_key
from pvc_cli.cluster.values import parse_int
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
    down: bool = False
    """Whether the node's own daemon does not run."""

    @property
    def state(self) -> str:
        """``running``, ``silent`` (it reported and does so no longer), ``stopped`` or ``none`` (never reported).

        Without an agent, ``down`` if the node is.
        """
        if self.holder:
            return "silent" if self.silent else "running"
        return "down" if self.down else "stopped" if self.report else "none"

    @property
    def trouble(self) -> str:
        """Why it does nothing now, in one line; empty if it works."""
        return {
            "running": "",
            "silent": f"the SR-IOV agent of {self.node} no longer reports",
            "down": f"node {self.node} is down",
            "stopped": f"the SR-IOV agent of {self.node} is stopped",
            "none": f"node {self.node} has no SR-IOV agent",
        }[self.state]

    @property
    def is_absent(self) -> bool:
        """Whether no agent is to be expected soon: there never was one, or the node is down."""
        return self.state in ("none", "down")

    def vf(self, name: str) -> VfReport | None:
        """Return what it reported of a VF; None if nothing."""
        return self.report.vfs.get(name) if self.report else None


Agents = dict[str, Agent]
"""By node."""


def read_agents(handler: ZKHandler, nodes: Iterable[str]) -> Agents:
    """Return the agent of each of *nodes*, in at most three batches.

    Before schema version 9, which has no place for reports, there is none.

    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    require_sriov(handler)
    names = list(dict.fromkeys(nodes))
    rows = handler.read_rows(
        [("node.state.daemon", node), ("node.keepalive", node), report_key(node)] for node in names
    )
    queues = handler.read_queues(("node.sriov", node) for node in names)
    agents = {}
    for node, (daemon, keepalive, text), queue in zip(names, rows, queues, strict=True):
        report = parse_report(text)
        holder = next((place.who or "unknown" for place in queue if not place.stuck), "")
        silent = _is_silent(report, parse_int(keepalive))
        agents[node] = Agent(node, holder, report, silent, down=bool(daemon) and daemon != "run")
    return agents


def reported(agents: Agents, vf: VfRef) -> VfReport | None:
    """Return what was reported last of a VF; None if nothing."""
    return agents[vf.node].vf(vf.phy) if vf.node in agents else None


def is_silent(node: Node, report: Report | None) -> bool:
    """Tell whether an agent's heartbeat is overdue: its node's keepalive is of the same clock."""
    return _is_silent(report, node.keepalive)


def _is_silent(report: Report | None, keepalive: int | None) -> bool:
    return bool(report and keepalive and report.agent.is_silent(keepalive))
