"""What became of a VF: the changes that pvc kept, picked out of all, and what its node's agent reports."""

from collections.abc import Sequence

from pvc_cli.cluster.difference_model import ItemDifference
from pvc_cli.cluster.naming import name_changes
from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.undo import Changed


def path_of(handler: ZKHandler, vf: VfRef) -> str | None:
    """Return the path of the znode of *vf*, or None if the cluster's schema has no SR-IOV."""
    return handler.schema.path(("node.sriov.vf", vf.node, "sriov_vf", vf.phy))


def changes_of(handler: ZKHandler, vf: VfRef, changes: Sequence[Changed]) -> ItemDifference | None:
    """Return what *changes* did to *vf*, or None if they left it alone.

    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    top = path_of(handler, vf)
    own = [change for change in changes if change.path == top or change.path.startswith(f"{top}/")]
    return next(iter(name_changes(handler, own)), None) if top and own else None
