"""The JSON documents of agents and of changes to PFs; PFs and VFs have theirs in :mod:`pvc_cli.cluster.documents`."""

import json

from pvc_cli.cluster.sriov.agents import Agent
from pvc_cli.cluster.sriov.rename import Renaming
from pvc_cli.cluster.sriov.report import format_report
from pvc_cli.cluster.values import Json


def renaming_document(node: str, old: str, new: str, renaming: Renaming) -> Json:
    """Return the document of a PF that has another name now."""
    return {
        "node": node,
        "phy": old,
        "to": new,
        "status": "changed",
        "vfs": [{"phy": vf.phy, "to": to.phy} for vf, to in renaming.vfs],
        "vms": [vm._asdict() for vm in renaming.vms],
    }


def agent_document(agent: Agent) -> Json:
    """Return the document of a node's agent and of what it reports; null if it has reported nothing."""
    report = agent.report and json.loads(format_report(agent.report))
    return {"node": agent.node, "state": agent.state, "holder": agent.holder or None, "report": report}
