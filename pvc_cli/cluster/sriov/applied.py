"""Wait until the agents of nodes tell what cards made of settings that were changed in the tree."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.model import Settings, VfRef
from pvc_cli.cluster.sriov.report import State, VfReport, report_key
from pvc_cli.cluster.waiting import require_daemons
from pvc_cli.zk import ZKHandler

_GLANCE = 0.1
"""How often, in seconds, to look."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What the card has of the settings that were changed on a VF."""

    vf: VfRef
    state: State | None
    """That of the VF; None if its agent has told nothing since the change."""
    refused: Mapping[str, str]
    """Why, by setting; only those that were changed."""
    seen: Settings
    """What the card has in place of a changed setting, by setting."""
    others: tuple[str, ...] = ()
    """Settings that the card has otherwise than wanted, but that were not changed now."""

    @property
    def done(self) -> bool:
        """Whether the card has all that was changed."""
        return self.state is not None and not (self.refused or self.seen or self.state in ("missing", "orphaned"))

    @property
    def final(self) -> bool:
        """Whether waiting would change nothing. A VF that is missing may be back soon: its card may be unreadable."""
        return self.done or bool(self.refused) or self.state == "orphaned"


def require_reports(handler: ZKHandler) -> None:
    """Check that agents can tell what their cards have.

    :raises RefusedError: on a backup.
    :raises SchemaError: if the cluster's schema has no place for it.
    """
    require_daemons(handler)
    handler.schema.require("node.monitoring.data", "waiting for the card needs")


def wait_until_applied(
    handler: ZKHandler, vfs: Sequence[VfRef], names: Collection[str], timeout: float
) -> tuple[list[Applied], dict[str, Agent]]:
    """Wait up to *timeout* seconds until the agents have told what the cards made of the settings *names* of *vfs*.

    What counts is a report written after the last change of these settings, by an agent that had read that change.

    :returns: what became of each VF, and the agents of their nodes.
    """
    changed = _changed_at(handler, vfs, names)
    nodes, until = list(dict.fromkeys(vf.node for vf in vfs)), time.monotonic() + timeout
    while True:
        # First when they were written: a report that is replaced meanwhile is newer than that.
        written = dict(zip(nodes, handler.get_znodes(map(report_key, nodes)), strict=True))
        agents = read_agents(handler, nodes)
        found = []
        for vf in vfs:
            agent, znode = agents[vf.node], written[vf.node]
            report = agent.report
            heard = report and znode and znode.stat.mzxid > changed[vf] and report.agent.zxid >= changed[vf]
            found.append(_judge(vf, None if agent.trouble else agent.vf(vf.phy), names, heard=bool(heard)))
        left = until - time.monotonic()
        if left <= 0 or all(one.final for one in found):
            return found, agents
        time.sleep(min(_GLANCE, left))


def _changed_at(handler: ZKHandler, vfs: Sequence[VfRef], names: Collection[str]) -> dict[VfRef, int]:
    """Return the transaction that last changed any of the settings *names* of each VF."""
    keys = [("node.sriov.vf", vf.node, f"sriov_vf.config.{name}", vf.phy) for vf in vfs for name in names]
    znodes = iter(handler.get_znodes(keys))
    return {vf: max((z.stat.mzxid for z in [next(znodes) for _ in names] if z), default=0) for vf in vfs}


def _judge(vf: VfRef, report: VfReport | None, names: Collection[str], *, heard: bool) -> Applied:
    if report is None or not (heard or report.state in ("missing", "orphaned")):
        return Applied(vf, None, {}, {})
    refused = {name: why for name, why in report.refused.items() if name in names}
    seen = {name: value for name, value in report.seen.items() if name in names}
    others = tuple(name for name in dict.fromkeys((*report.refused, *report.seen)) if name not in names)
    if report.state == "drifted" and not report.seen:
        # Not compared yet with what is wanted now.
        return Applied(vf, None, {}, {})
    return Applied(vf, report.state, refused, seen, others)
