"""Wait until the agents of nodes tell what cards made of settings that were changed in the tree."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.cluster.sriov.agents import Agent, read_agents
from pvc_cli.cluster.sriov.model import Settings, Value, VfRef, parse_setting, text_of
from pvc_cli.cluster.sriov.report import Report, State, VfReport, parse_report, report_key
from pvc_cli.cluster.waiting import require_daemons
from pvc_cli.zk import Key, ZKHandler, Znode

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
    overruled: Mapping[str, Value | None] = field(default_factory=dict)
    """What others have set since, by setting; None for what is invalid or was deleted."""
    deleted: bool = False
    """Whether the tree no longer has the VF."""

    @property
    def done(self) -> bool:
        """Whether the card has all that was changed."""
        return self.state is not None and not (self.refused or self.seen or self.state in ("missing", "orphaned"))

    @property
    def final(self) -> bool:
        """Whether waiting would change nothing. A VF that is missing may be back soon: its card may be unreadable."""
        lost = self.deleted or bool(self.overruled)
        return lost or self.done or bool(self.refused) or self.state == "orphaned"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the tree wants of a VF, as it was read together with its node's report."""

    exists: bool
    overruled: Mapping[str, Value | None]
    since: int
    """The transaction that last wrote one of the settings."""


def require_reports(handler: ZKHandler) -> None:
    """Check that agents can tell what their cards have.

    :raises RefusedError: on a backup.
    :raises SchemaError: if the cluster's schema has no place for it.
    """
    require_daemons(handler)
    handler.schema.require("node.monitoring.data", "waiting for the card needs")


def wait_until_applied(
    handler: ZKHandler, settings: Mapping[VfRef, Settings], timeout: float
) -> tuple[list[Applied], dict[str, Agent]]:
    """Wait up to *timeout* seconds until the agents have told what the cards made of *settings*, just set on VFs.

    What counts is a report by an agent that had read the last change of these settings, while the tree has the values
    that were set. Where it no longer has them, what the card has says nothing of this change. A node that is down, or
    never had an agent, is not waited for.

    :returns: what became of each VF, and the agents of their nodes.
    """
    nodes, until = list(dict.fromkeys(vf.node for vf in settings)), time.monotonic() + timeout
    while True:
        reports, wanted = _look(handler, nodes, settings)
        agents = read_agents(handler, nodes)
        found = []
        for vf, names in settings.items():
            report, trouble = reports[vf.node], agents[vf.node].trouble
            heard = report is not None and report.agent.zxid >= wanted[vf].since
            found.append(_judge(vf, report if not trouble else None, wanted[vf], names, heard=heard))
        left = until - time.monotonic()
        if left <= 0 or all(one.final or agents[one.vf.node].is_absent for one in found):
            return found, agents
        time.sleep(min(_GLANCE, left))


def _look(
    handler: ZKHandler, nodes: Sequence[str], settings: Mapping[VfRef, Settings]
) -> tuple[dict[str, Report | None], dict[VfRef, _Wanted]]:
    """Return what each of *nodes* reports, and what the tree wants of the VFs, in one batch.

    The reports are read first: settings that were written last before such a report held all the time in between.
    """
    keys: list[Key] = [
        ("node.sriov.vf", vf.node, key, vf.phy)
        for vf, names in settings.items()
        for key in ("sriov_vf", *(f"sriov_vf.config.{name}" for name in names))
    ]
    found = iter(handler.get_znodes([*map(report_key, nodes), *keys]))
    reports = {node: parse_report(text_of(next(found))) for node in nodes}
    return reports, {
        vf: _want(next(found), {name: next(found) for name in names}, names) for vf, names in settings.items()
    }


def _want(own: Znode | None, found: Mapping[str, Znode | None], settings: Settings) -> _Wanted:
    values = {name: parse_setting(name, znode.text if znode else None) for name, znode in found.items()}
    overruled = {name: value for name, value in values.items() if value != settings[name]}
    return _Wanted(own is not None, overruled, max((z.stat.mzxid for z in found.values() if z), default=0))


def _judge(vf: VfRef, reports: Report | None, wanted: _Wanted, names: Collection[str], *, heard: bool) -> Applied:
    if not wanted.exists or wanted.overruled:
        overruled = wanted.overruled if wanted.exists else {}
        return Applied(vf, None, {}, {}, overruled=overruled, deleted=not wanted.exists)
    report: VfReport | None = reports.vfs.get(vf.phy) if reports else None
    if report is None or not (heard or report.state in ("missing", "orphaned")):
        return Applied(vf, None, {}, {})
    refused = {name: why for name, why in report.refused.items() if name in names}
    seen = {name: value for name, value in report.seen.items() if name in names}
    others = tuple(name for name in dict.fromkeys((*report.refused, *report.seen)) if name not in names)
    if report.state == "drifted" and not report.seen:
        # Not compared yet with what is wanted now.
        return Applied(vf, None, {}, {})
    return Applied(vf, report.state, refused, seen, others)
