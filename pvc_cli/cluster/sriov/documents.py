"""The JSON documents of changes to PFs and VFs; those of the PFs and VFs are in :mod:`pvc_cli.cluster.documents`."""

from pvc_cli.cluster.sriov.rename import Renaming
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
