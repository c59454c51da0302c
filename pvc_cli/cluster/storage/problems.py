"""Check the storage of a cluster, as far as its tree shows it."""

from collections.abc import Iterator

from pvc_cli.cluster.values import natural_key, parse_object
from pvc_cli.zk import ZKHandler

_SEE_CEPH = "pvc storage status"
_SEE_OSDS = "pvc storage osd list"
_FULL, _NEARLY_FULL = 90, 85


def storage_problems(handler: ZKHandler) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with Ceph and its OSDs, each with the command that shows more, in two batches."""
    names = sorted(handler.children("base.osd") or [], key=natural_key)
    health, *stats = handler.read_many(["base.storage.health", *(("osd.stats", name) for name in names)])
    document = parse_object(health) or {}
    status = document.get("status")
    if isinstance(status, str) and status not in ("HEALTH_OK", ""):
        checks = document.get("checks")
        why = ", ".join(_check(name, check) for name, check in checks.items()) if isinstance(checks, dict) else ""
        yield f"Ceph reports {status}" + (f": {why}" if why else ""), _SEE_CEPH
    for name, text in zip(names, stats, strict=True):
        osd = parse_object(text) or {}
        for key in ("up", "in"):
            if osd.get(key) in (0, "0"):
                yield f"OSD {name} is {'down' if key == 'up' else 'out'}", _SEE_OSDS
        used = osd.get("utilization")
        if isinstance(used, (int, float)) and used >= _NEARLY_FULL:
            yield f"OSD {name} is {'full' if used >= _FULL else 'nearly full'}: {used:.0f} %", _SEE_OSDS


def _check(name: str, check: object) -> str:
    """Return a Ceph health check in words: its own, or its name."""
    summary = check.get("summary") if isinstance(check, dict) else None
    message = summary.get("message") if isinstance(summary, dict) else None
    return message if isinstance(message, str) and message else name
