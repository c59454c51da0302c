"""What PVC keeps about a VM besides its XML: where it may run, and how it is migrated."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pvc_cli.cluster.controls import Control, Plan, decide, refuse
from pvc_cli.cluster.nodes import require_node
from pvc_cli.cluster.values import in_words, parse_flag, parse_int, parse_list
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.target import SELECTORS
from pvc_cli.zk import ZKHandler, Znode

METHODS = ("none", "live", "shutdown")
NODE_SELECTORS = (*SELECTORS, "none")
MOST_MS = 2**31 - 1
"""The longest downtime of a migration."""
NOT_LIVE = "a VM with a passed-through device cannot migrate live"
KEYS: Mapping[str, str] = {
    "node_limit": "domain.meta.node_limit",
    "node_selector": "domain.meta.node_selector",
    "node_autostart": "domain.meta.autostart",
    "migration_method": "domain.meta.migrate_method",
    "migration_max_downtime": "domain.meta.migrate_max_downtime",
    "profile": "domain.profile",
}
"""The keys of a VM's metadata, by the names of PVC's document of a VM."""


class Metadata(NamedTuple):
    """A VM's metadata. None is missing or invalid."""

    node_limit: tuple[str, ...]
    node_selector: str
    node_autostart: bool | None
    migration_method: str
    migration_max_downtime: int | None
    """In milliseconds."""
    profile: str


def read_metadata(handler: ZKHandler, vms: Iterable[VmRef]) -> list[Metadata]:
    """Return the metadata of *vms*, in one batch."""
    rows = handler.read_rows([(key, vm.uuid) for key in KEYS.values()] for vm in vms)
    return [parse_metadata(*row) for row in rows]


def parse_metadata(
    limit: str | None = None,
    selector: str | None = None,
    start: str | None = None,
    method: str | None = None,
    downtime: str | None = None,
    profile: str | None = None,
) -> Metadata:
    """Return what the values of :data:`KEYS` say, in their order."""
    return Metadata(
        parse_list(limit), selector or "", parse_flag(start), method or "", parse_int(downtime), profile or ""
    )


def parse_field(name: str, text: str) -> object:
    """Return what the value of one of :data:`KEYS` says; None if it is invalid."""
    return getattr(parse_metadata(*(text if key == name else None for key in KEYS)), name)


def says(name: str, znode: Znode | None, wanted: object) -> bool:
    """Tell whether the znode of a key says what is *wanted*, in whatever spelling."""
    return znode is not None and parse_field(name, znode.text) == wanted


class MetadataChange(NamedTuple):
    """What to set; None is left as it is. An empty limit allows every node."""

    node_limit: tuple[str, ...] | None = None
    node_selector: str | None = None
    node_autostart: bool | None = None
    migration_method: str | None = None
    migration_max_downtime: int | None = None
    profile: str | None = None

    def values(self) -> dict[str, str]:
        """Return the text of each value that is set, as PVC writes it, by the field's name."""
        given = {name: value for name, value in self._asdict().items() if value is not None}
        return {name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in given.items()}


def outside_limits(handler: ZKHandler, limits: Mapping[VmRef, Sequence[str]]) -> dict[VmRef, str]:
    """Return the VMs that are on none of the nodes that *limits* allow them, with their nodes, in one batch.

    :param limits: the nodes of each VM; empty for all. A VM whose node may not be read is left out.
    """
    limited = [vm for vm, nodes in limits.items() if nodes]
    view, _ = handler.tolerant()
    found = view.read_many(("domain.node", vm.uuid) for vm in limited)
    return {vm: node for vm, node in zip(limited, found, strict=True) if node and node not in limits[vm]}


def plan_metadata(change: MetadataChange) -> Plan[VmRef]:
    """Return the plan that gives VMs their metadata, for :func:`pvc_cli.cluster.controls.control`."""
    values = change.values()
    # Only a live migration depends on what is in the XML.
    judged = ("domain", "domain.xml") if change.migration_method == "live" else ("domain",)

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        found = iter(
            handler.get_znodes((key, vm.uuid) for vm in vms for key in (*judged, *map(KEYS.__getitem__, values)))
        )
        controls = []
        for vm in vms:
            own, *more = (next(found) for _ in judged)
            znodes = [next(found) for _ in values]
            if own is None:
                controls.append(refuse(handler, vm, "the VM no longer exists"))
                continue
            if any(is_passed_through(xml) for xml in more):
                controls.append(refuse(handler, vm, NOT_LIVE))
                continue
            transaction = handler.transaction()
            wanted = [
                (name, znode, text)
                for (name, text), znode in zip(values.items(), znodes, strict=True)
                if not says(name, znode, getattr(change, name))
            ]
            step = decide(
                transaction,
                vm,
                [((KEYS[name], vm.uuid), znode, text) for name, znode, text in wanted],
                "changed: " + ", ".join(_told(*one) for one in wanted),
                "has these values",
            )
            if step.status == "changed":
                for key, znode in zip(judged, (own, *more), strict=True):
                    transaction.guard((key, vm.uuid), znode)
            controls.append(step)
        return controls

    return plan


def _told(name: str, old: Znode | None, new: str) -> str:
    return f"{name} {in_words(old.text if old else None)} -> {in_words(new)}"


def is_passed_through(xml: Znode | None) -> bool:
    """Tell whether a VM's XML passes a device of its node through; a broken one tells nothing."""
    try:
        parsed = hardware.parse(xml.text if xml else "")
    except hardware.BrokenXmlError:
        return False
    return bool(parsed.pci_devices) or any(nic.type == "hostdev" for nic in parsed.networks)


def check_metadata(handler: ZKHandler, change: MetadataChange) -> None:
    """Check that a cluster can have what *change* sets.

    :raises NotFoundError: if a node of the limit does not exist.
    :raises SchemaError: if the schema version lacks one of the keys.
    """
    if change.node_limit:
        require_node(handler, *change.node_limit)
    for name in change.values():
        handler.schema.require(KEYS[name], f"{name} needs")
