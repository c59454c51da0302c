"""Count VMs by what they have in common."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pvc_cli.cluster.values import natural_key
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.tags import CONTAINER
from pvc_cli.zk import ZKHandler

Trait = Literal["state", "node", "tag"]
TRAITS: tuple[Trait, ...] = ("state", "node", "tag")


class VmCount(NamedTuple):
    """How many VMs have the same state, node or tag; None is that of those without one."""

    value: str | None
    vms: int


def count_vms(handler: ZKHandler, vms: Sequence[VmRef], trait: Trait) -> list[VmCount]:
    """Return how many of *vms* have which state, node or tag, by its name, in one batch.

    A VM with several tags counts for each of them.
    """
    if trait == "tag":
        tags = handler.children_many((CONTAINER, vm.uuid) for vm in vms)
        counts: Counter[str | None] = Counter(tag for found in tags for tag in found or (None,))
    else:
        counts = Counter(value or None for value in handler.read_many((f"domain.{trait}", vm.uuid) for vm in vms))
    found = [VmCount(value, number) for value, number in counts.items()]
    return sorted(found, key=lambda count: (count.value is None, natural_key(count.value or "")))


def count_placed(handler: ZKHandler) -> Counter[str]:
    """Return how many VMs are on each node, whatever their state, in two batches."""
    uuids = handler.children("base.domain") or []
    return Counter(node for node in handler.read_each("domain.node", uuids) if node)
