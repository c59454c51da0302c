"""Which VFs nobody uses, and which a VM uses: by their claims, and by the VMs' XML."""

from collections.abc import Iterable

from pvc_cli.cluster.sriov.model import Vf
from pvc_cli.cluster.sriov.users import User, held, make_users, user_keys
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.zk import ZKHandler


def read_user(handler: ZKHandler, vm: VmRef) -> User | None:
    """Return what a VM uses by its XML; None if it is gone."""
    users = make_users([vm.uuid], handler.get_znodes(user_keys(vm.uuid)))
    return users[0] if users else None


def of_vm(vfs: Iterable[Vf], user: User) -> list[Vf]:
    """Return which of *vfs* a VM uses: they are claimed for it, or its XML has them on a node where it is."""
    return [
        vf
        for vf in vfs
        if (vf.used and vf.used_by == user.ref.uuid)
        or (vf.node in user.nodes and user.use_of(vf.phy, str(vf.pci)) is not None)
    ]


def unused(vfs: Iterable[Vf], users: Iterable[User]) -> list[Vf]:
    """Return which of *vfs* nobody has claimed, and no running VM among *users* has in its XML.

    PVC claims none when it defines a VM: its XML says more than the claims do.
    """
    taken = held(users)
    return [
        vf
        for vf in vfs
        if not vf.used and not taken & {(node, device) for node in (vf.node, "") for device in (vf.phy, str(vf.pci))}
    ]
