"""The JSON documents of what the agent does to cards."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from pvc_cli.agent.cards import CardStep
from pvc_cli.agent.reconciler import Action
from pvc_cli.cluster.sriov.report import Report, VfReport
from pvc_cli.cluster.values import Json

_STATUS = {
    "in_sync": "unchanged",
    "refused": "refused",
    "drifted": "failed",
    "missing": "failed",
    "orphaned": "unchanged",
}


def cards_document(steps: Iterable[CardStep | Action]) -> list[Json]:
    """Return what is, or would be, done to cards, in order."""
    return [
        {"action": step.step, "pf": step.phy, "old": step.old, "new": step.new}
        if isinstance(step, CardStep)
        else {"action": "set", "vf": step.vf, "changes": _changes(step)}
        for step in steps
    ]


def _changes(action: Action) -> Json:
    return {name: {"old": action.old[name], "new": new} for name, new in action.changed.items()}


def sync_document(report: Report, done: Sequence[CardStep | Action]) -> Json:
    """Return what became of each VF in a round, and how the PFs are."""
    changes: dict[str, Json] = {}
    for step in done:
        if isinstance(step, Action):
            changes.setdefault(step.vf, {}).update(_changes(step))
    items = []
    for name, vf in report.vfs.items():
        status = "changed" if vf.state == "in_sync" and name in changes else _STATUS[vf.state]
        reason = {"reason": text} if (text := _reason(vf)) else {}
        items.append({"name": name, "status": status, **reason, "changes": changes.get(name, {})})
    counts = Counter(item["status"] for item in items)
    return {
        "items": items,
        "counts": {status: counts[status] for status in ("changed", "unchanged", "refused", "failed")},
        "pfs": [{"name": name, **asdict(pf)} for name, pf in report.pfs.items()],
        "cards": cards_document(step for step in done if isinstance(step, CardStep)),
        "problems": list(report.agent.problems),
    }


def _reason(vf: VfReport) -> str:
    if vf.refused:
        return ", ".join(f"{name}: {why}" for name, why in vf.refused.items())
    if vf.state == "drifted":
        return f"not set yet: {', '.join(vf.seen)}"
    return "" if vf.state == "in_sync" else vf.state
