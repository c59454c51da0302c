"""Who holds PVC's locks, and who waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.cluster.vms.query import list_vms

if TYPE_CHECKING:
    from pvc_cli.zk import Key, ZKHandler
    from pvc_cli.zk.contenders import Contender

_OF_CLUSTER = ("base.schema.version", "base.config.primary_node.sync_lock", "base.config.fence_lock")
_OF_VMS = ("domain.state", "domain.migrate.sync_lock")


class LockQueue(NamedTuple):
    """A lock that somebody holds or waits for."""

    key: str
    item: str
    """The name of the VM that it belongs to; empty for a lock of the whole cluster."""
    uuid: str
    """Of that VM."""
    queue: tuple[Contender, ...]
    """First come first."""

    @property
    def name(self) -> str:
        """Its key, and its VM's name."""
        return f"{self.key} {self.item}".rstrip()


def list_locks(handler: ZKHandler) -> list[LockQueue]:
    """Return each of PVC's locks that somebody holds or waits for, in four batches: the cluster's, then the VMs'."""
    vms = list_vms(handler)
    locks: list[tuple[Key, str, str, str]] = [(key, key, "", "") for key in _OF_CLUSTER]
    locks += [((key, vm.uuid), key, vm.name, vm.uuid) for vm in vms for key in _OF_VMS]
    queues = handler.read_queues(key for key, *_ in locks)
    return [
        LockQueue(name, item, uuid, tuple(queue))
        for (_, name, item, uuid), queue in zip(locks, queues, strict=True)
        if queue
    ]
