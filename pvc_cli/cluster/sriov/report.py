"""What a node's SR-IOV agent reports in the tree: the record, its JSON, and where it is kept.

It is kept as the result of a monitoring plugin of the node, which PVC shows beside its own. All commands can read it
from anywhere; a report that is damaged reads as none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, cast, get_args

from pvc_cli.cluster.sriov.model import SETTINGS, Settings
from pvc_cli.cluster.values import Json, parse_object
from pvc_cli.zk import Key, ZKHandler

PLUGIN = "sriov"
"""The name of the monitoring plugin."""
State = Literal["in_sync", "drifted", "refused", "orphaned", "missing"]
_STATES: tuple[State, ...] = get_args(State)
_SILENT_AFTER = 3
"""Intervals without a heartbeat after which an agent counts as silent: one or two may come late."""


@dataclass(frozen=True, slots=True)
class AgentReport:
    """The agent itself; times are seconds since the epoch by the node's clock, *interval* is in seconds."""

    version: str
    host: str
    pid: int
    started: float
    heartbeat: float
    interval: float
    """How often the heartbeat is written if nothing else changes."""
    zxid: int = 0
    """A transaction of ZooKeeper: the cards were compared with all that was written up to it."""
    problems: tuple[str, ...] = ()
    """What concerns all of the node, one line each."""

    def is_silent(self, now: float) -> bool:
        """Tell whether the heartbeat is overdue at *now*, in seconds since the epoch."""
        return now - self.heartbeat > _SILENT_AFTER * self.interval


@dataclass(frozen=True, slots=True)
class PfReport:
    """How many VFs of a PF are configured, are there, and are in which state."""

    wanted: int
    present: int
    in_sync: int
    refused: int
    drifted: int
    orphaned: int
    problems: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether all VFs that are configured are there and in sync, and nothing else is wrong."""
        return self.in_sync >= self.wanted and not (self.refused or self.drifted or self.problems)


@dataclass(frozen=True, slots=True)
class VfReport:
    """The state of a VF.

    *state* is ``in_sync``, ``refused`` (the driver refuses a setting), ``drifted`` (the card has other settings, and
    the agent could not correct them yet), ``missing`` (configured, but the node lacks it) or ``orphaned`` (kept in
    the tree, but neither configured nor there).
    """

    state: State
    since: float
    """When it got into this state, or its wanted settings last changed and the card was asked for them."""
    refused: Mapping[str, str]
    """Why, by setting."""
    seen: Settings
    """What the card has in place of what is wanted, by setting; empty if all is as wanted."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that an agent reports."""

    agent: AgentReport
    pfs: Mapping[str, PfReport]
    vfs: Mapping[str, VfReport]

    @property
    def problems(self) -> list[str]:
        """What is wrong with the node and its PFs, besides the settings of VFs, one line each."""
        return [*self.agent.problems, *(problem for pf in self.pfs.values() for problem in pf.problems)]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.agent.problems and all(pf.healthy for pf in self.pfs.values())

    @property
    def health_delta(self) -> int:
        """How much it takes from the node's health: 25 if VFs are missing or a card fails, 10 if settings differ."""
        if self.agent.problems or any(pf.present < pf.wanted or pf.problems for pf in self.pfs.values()):
            return 25
        return 0 if self.healthy else 10

    @property
    def message(self) -> str:
        """How it is, in one line."""
        pfs = self.pfs.values()
        done, wanted = sum(pf.in_sync for pf in pfs), sum(max(pf.wanted, pf.present) for pf in pfs)
        settings = sum(len(vf.refused) for vf in self.vfs.values())
        orphaned = sum(pf.orphaned for pf in pfs)
        parts = [f"{done} of {wanted} VFs in sync", f"{settings} settings refused"]
        if orphaned:
            parts.append(f"{orphaned} orphaned")
        return "; ".join([", ".join(parts), *self.problems])


def format_report(report: Report) -> str:
    """Return the JSON of *report*, as :func:`parse_report` reads it."""
    document = {
        "agent": _fields(report.agent),
        "pfs": {name: _fields(pf) for name, pf in report.pfs.items()},
        "vfs": {name: _fields(vf) for name, vf in report.vfs.items()},
    }
    return json.dumps(document, separators=(",", ":"))


def _fields(record: AgentReport | PfReport | VfReport) -> Json:
    values = ((field.name, getattr(record, field.name)) for field in fields(record))
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values}


def parse_report(text: str | None) -> Report | None:
    """Return the report in *text*; None if it is none. A PF or VF whose entry is damaged is left out."""
    found = parse_object(text)
    agent = _object(found, "agent")
    if not found or not agent:
        return None
    return Report(
        AgentReport(
            version=_text(agent, "version"),
            host=_text(agent, "host"),
            pid=_count(agent, "pid"),
            started=_number(agent, "started"),
            heartbeat=_number(agent, "heartbeat"),
            interval=_number(agent, "interval"),
            zxid=_count(agent, "zxid"),
            problems=_texts(agent, "problems"),
        ),
        {name: _pf(value) for name, value in _object(found, "pfs").items() if isinstance(value, dict)},
        {
            name: vf
            for name, value in _object(found, "vfs").items()
            if isinstance(value, dict) and (vf := _vf(value)) is not None
        },
    )


def _pf(value: Json) -> PfReport:
    return PfReport(
        wanted=_count(value, "wanted"),
        present=_count(value, "present"),
        in_sync=_count(value, "in_sync"),
        refused=_count(value, "refused"),
        drifted=_count(value, "drifted"),
        orphaned=_count(value, "orphaned"),
        problems=_texts(value, "problems"),
    )


def _vf(value: Json) -> VfReport | None:
    state = value.get("state")
    if state not in _STATES:
        return None
    refused = {name: why for name, why in _object(value, "refused").items() if isinstance(why, str)}
    seen = {
        name: one
        for name, one in _object(value, "seen").items()
        if name in (*SETTINGS, "mtu") and isinstance(one, (bool, int, str))
    }
    return VfReport(cast("State", state), _number(value, "since"), refused, seen)


def _object(value: Json | None, name: str) -> Json:
    found = value.get(name) if value else None
    return found if isinstance(found, dict) else {}


def _text(value: Json, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _texts(value: Json, name: str) -> tuple[str, ...]:
    found = value.get(name)
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()


def _number(value: Json, name: str) -> float:
    found = value.get(name)
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else 0.0


def _count(value: Json, name: str) -> int:
    return int(_number(value, name))


def report_key(node: str) -> Key:
    """Return the key of what the agent of *node* reports."""
    return ("node.monitoring.data", node, "monitoring_plugin.data", PLUGIN)


def read_reports(handler: ZKHandler, nodes: Sequence[str]) -> dict[str, Report | None]:
    """Return what the agent of each of *nodes* reports, in one batch; None without a report.

    Before schema version 9, which has no place for it, no node has one.
    """
    texts = handler.read_many(map(report_key, nodes))
    return {node: parse_report(text) for node, text in zip(nodes, texts, strict=True)}


def lock_holder(handler: ZKHandler, node: str) -> str:
    """Return who manages *node*, as that agent's lock says it; empty if no agent does.

    :raises LockError: if the lock belongs to no session, and so will not be released.
    """
    key = ("node.sriov", node)
    return handler.exclusivelock(key).holders() if handler.exists(key) else ""
