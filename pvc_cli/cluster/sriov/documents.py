"""The JSON documents of agents and of changes to PFs; PFs and VFs have theirs in :mod:`pvc_cli.cluster.documents`."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pvc_cli.cluster.documents import item_document, items_document
from pvc_cli.cluster.sriov.agents import Agent, Agents
from pvc_cli.cluster.sriov.applied import Applied
from pvc_cli.cluster.sriov.model import VfRef, parse_setting
from pvc_cli.cluster.sriov.rename import Renaming
from pvc_cli.cluster.sriov.report import format_report
from pvc_cli.cluster.sriov.settings import Setting
from pvc_cli.cluster.values import Json
from pvc_cli.zk import Change, Transaction


def renaming_document(node: str, old: str, new: str, renaming: Renaming) -> Json:
    """Return the document of a PF that has another name now."""
    return {
        "node": node,
        "phy": old,
        "to": new,
        "status": "changed",
        "vfs": [{"phy": vf.phy, "to": to.phy} for vf, to in renaming.vfs],
        "vms": [vm._asdict() for vm in renaming.vms],
        **items_document([item_document(f"{node}/{old}", "changed", "", renaming.changes, to=f"{node}/{new}")]),
    }


def vf_item(vf: VfRef, changes: Sequence[Change], **more: object) -> Json:
    """Return what becomes of one VF, with *more* that is known about it."""
    status = "changed" if changes else "unchanged"
    return _item(vf, status, "already so", changes, more)


def _item(vf: VfRef, status: str, reason: str, changes: Sequence[Change], more: Mapping[str, object]) -> Json:
    return item_document(f"{vf.node}/{vf.phy}", status, reason, changes, **vf._asdict(), **more)


def settings_document(
    transaction: Transaction,
    vfs: Sequence[VfRef],
    changed: Sequence[Setting],
    agents: Agents | None = None,
    applied: Sequence[Applied] = (),
    failed: Mapping[VfRef, str] = MappingProxyType({}),
) -> Json:
    """Return the document of what is set on each VF, which may be nothing.

    :param agents: those of the VFs' nodes, if they were looked at.
    :param applied: what the cards made of it, if that was waited for.
    :param failed: why a card does not have what was set; the change is kept.
    """
    cards = {one.vf: one for one in applied}
    items = []
    for vf in vfs:
        top = transaction.schema.path(("node.sriov.vf", vf.node, "sriov_vf", vf.phy))
        own = [change for change in transaction.changes if change.path.startswith(f"{top}/")]
        more: dict[str, object] = {"settings": {one.name: _values(one) for one in changed if one.vf == vf}}
        if agents is not None:
            more["agent"] = agents[vf.node].state if vf.node in agents else None
        if vf in cards:
            more["card"] = _applied_document(cards[vf])
        items.append(_item(vf, "failed", failed[vf], own, more) if vf in failed else vf_item(vf, own, **more))
    return items_document(items)


def _applied_document(applied: Applied) -> Json:
    return {
        "applied": applied.done,
        "state": applied.state,
        "refused": applied.refused,
        "seen": applied.seen,
        "overruled": applied.overruled,
        "deleted": applied.deleted,
    }


def _values(setting: Setting) -> Json:
    return {"old": parse_setting(setting.name, setting.old), "new": parse_setting(setting.name, setting.new)}


def agent_document(agent: Agent) -> Json:
    """Return the document of a node's agent and of what it reports; null if it has reported nothing."""
    report = agent.report and json.loads(format_report(agent.report))
    return {"node": agent.node, "state": agent.state, "holder": agent.holder or None, "report": report}
