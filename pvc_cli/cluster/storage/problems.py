"""Check the storage of a cluster, as far as its tree shows it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pvc_cli.cluster.values import Json, natural_key, parse_object
from pvc_cli.zk import ZKHandler

_SEE_CEPH = "pvc storage status"
_SEE_OSDS = "pvc storage osd list"
_FULL, _NEARLY_FULL = 90, 85
_UNKNOWN = 5
_CEPH_WEIGHTS = {"HEALTH_ERR": 50, "HEALTH_WARN": 10}
_OSD_WEIGHTS = {"out": 50, "down": 10, "full": 50, "nearly full": 10}


class Osds(NamedTuple):
    """What Ceph says about itself and its OSDs."""

    health: Json
    stats: Mapping[str, Json]
    """By OSD; empty if they cannot be parsed."""
    has_health: bool
    """Whether the schema version has Ceph's health."""

    @property
    def states(self) -> dict[str, int]:
        """The number of OSDs in each state, such as ``up,in``."""
        return dict(sorted(Counter(",".join(_state(osd)) for osd in self.stats.values()).items()))


def read_osds(handler: ZKHandler) -> Osds:
    """Read what Ceph says about itself and its OSDs, in two batches."""
    names = sorted(handler.children("base.osd") or [], key=natural_key)
    health, *stats = handler.read_many(["base.storage.health", *(("osd.stats", name) for name in names)])
    parsed = {name: parse_object(text) or {} for name, text in zip(names, stats, strict=True)}
    return Osds(parse_object(health) or {}, parsed, "base.storage.health" in handler.schema.keys)


def storage_problems(osds: Osds) -> Iterator[tuple[str, str, int]]:
    """Yield what is wrong with Ceph and its OSDs, each with the command that shows more and PVC's weight of it."""
    status = osds.health.get("status")
    if isinstance(status, str) and status not in ("HEALTH_OK", ""):
        checks = osds.health.get("checks")
        why = ", ".join(_check(name, check) for name, check in checks.items()) if isinstance(checks, dict) else ""
        yield f"Ceph reports {status}" + (f": {why}" if why else ""), _SEE_CEPH, _CEPH_WEIGHTS.get(status, 10)
    elif osds.stats and osds.has_health and not isinstance(status, str):
        yield "Ceph does not report its health", _SEE_CEPH, _UNKNOWN
    for name, osd in osds.stats.items():
        states = [state for state in _state(osd) if state in _OSD_WEIGHTS]
        if states:
            yield f"OSD {name} is {' and '.join(states)}", _SEE_OSDS, max(_OSD_WEIGHTS[state] for state in states)
        elif "unknown" in _state(osd):
            yield f"OSD {name} does not report whether it is up and in", _SEE_OSDS, _UNKNOWN
        used = osd.get("utilization")
        if isinstance(used, (int, float)) and used >= _NEARLY_FULL:
            state = "full" if used >= _FULL else "nearly full"
            yield f"OSD {name} is {state}: {used:.0f} %", _SEE_OSDS, _OSD_WEIGHTS[state]


def _state(osd: Json) -> tuple[str, str]:
    """Return whether an OSD is up and in, as far as it is known."""
    words = {"up": ("up", "down"), "in": ("in", "out")}
    up, within = (
        yes if osd.get(key) in (1, "1") else no if osd.get(key) in (0, "0") else "unknown"
        for key, (yes, no) in words.items()
    )
    return up, within


def _check(name: str, check: object) -> str:
    """Return a Ceph health check in words: its own, or its name."""
    summary = check.get("summary") if isinstance(check, dict) else None
    message = summary.get("message") if isinstance(summary, dict) else None
    return message if isinstance(message, str) and message else name
