"""Read VMs, all that the tree says of them, in one batch per level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pvc_cli.cluster import hardware
from pvc_cli.cluster.tags import Tag, read_tags
from pvc_cli.cluster.values import natural_key, parse_bool, parse_int, parse_list
from pvc_cli.zk import ZKHandler

STATES = (
    "start", "stop", "shutdown", "restart", "disable", "fail",
    "migrate", "unmigrate", "provision", "import", "restore", "mirror",
)  # fmt: skip
"""The states that PVC gives VMs."""
_KEYS = (
    "domain.name",
    "domain.xml",
    "domain.state",
    "domain.node",
    "domain.last_node",
    "domain.failed_reason",
    "domain.profile",
    "domain.console.vnc",
    "domain.meta.autostart",
    "domain.meta.migrate_method",
    "domain.meta.migrate_max_downtime",
    "domain.meta.node_selector",
    "domain.meta.node_limit",
)
WATCHED_KEYS = ("domain.state", "domain.node", "domain.last_node", "domain.xml")
"""What of a VM, apart from its tags, changes what a list of VMs shows."""


@dataclass(frozen=True, slots=True)
class VmSnapshot:
    """A snapshot of a whole VM; *timestamp* in seconds since 1970."""

    name: str
    timestamp: int | None
    rbd_snapshots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM as the tree has it. What the tree has not, or holds no sense, is None."""

    uuid: str
    name: str
    xml: str
    hardware: hardware.Hardware | None
    """What the XML says, or None if it is broken."""
    xml_error: str
    """Why the XML is broken; empty if it is not."""
    state: str
    node: str
    last_node: str
    failed_reason: str
    profile: str
    vnc_listen: str | None
    vnc_port: int | None
    node_autostart: bool | None
    migration_method: str
    migration_max_downtime: int | None
    """The longest downtime of a live migration, in milliseconds."""
    node_selector: str
    node_limit: tuple[str, ...]
    tags: tuple[Tag, ...]
    snapshots: tuple[VmSnapshot, ...]


def read_vms(handler: ZKHandler, uuids: Sequence[str]) -> list[Vm]:
    """Return the VMs with these UUIDs, in their order; one that is deleted meanwhile is left out."""
    values = handler.read_many((key, uuid) for uuid in uuids for key in _KEYS)
    tags = read_tags(handler, uuids)
    snapshots = _read_snapshots(handler, uuids)
    rows = zip(*[iter(values)] * len(_KEYS), strict=True)
    return [
        _vm(uuid, dict(zip(_KEYS, row, strict=True)), tags.get(uuid, ()), snapshots.get(uuid, ()))
        for uuid, row in zip(uuids, rows, strict=True)
        if row[0] is not None
    ]


def _vm(uuid: str, values: dict[str, str | None], tags: tuple[Tag, ...], snapshots: tuple[VmSnapshot, ...]) -> Vm:
    xml = values["domain.xml"] or ""
    parsed, broken = None, ""
    try:
        parsed = hardware.parse(xml)
    except hardware.BrokenXmlError as error:
        broken = str(error)
    listen, _, port = (values["domain.console.vnc"] or "").rpartition(":")
    return Vm(
        uuid=uuid,
        name=values["domain.name"] or "",
        xml=xml,
        hardware=parsed,
        xml_error=broken,
        state=values["domain.state"] or "",
        node=values["domain.node"] or "",
        last_node=values["domain.last_node"] or "",
        failed_reason=values["domain.failed_reason"] or "",
        profile=values["domain.profile"] or "",
        vnc_listen=listen or None,
        vnc_port=parse_int(port),
        node_autostart=parse_bool(values["domain.meta.autostart"]),
        migration_method=values["domain.meta.migrate_method"] or "",
        migration_max_downtime=parse_int(values["domain.meta.migrate_max_downtime"]),
        node_selector=values["domain.meta.node_selector"] or "",
        node_limit=parse_list(values["domain.meta.node_limit"]),
        tags=tags,
        snapshots=snapshots,
    )


def _read_snapshots(handler: ZKHandler, uuids: Iterable[str]) -> dict[str, tuple[VmSnapshot, ...]]:
    """Return each VM's snapshots by UUID, oldest first; VMs without any are left out."""
    uuids = list(uuids)
    names = handler.children_many(("domain.snapshots", uuid) for uuid in uuids)
    pairs = [(uuid, name) for uuid, found in zip(uuids, names, strict=True) for name in found or ()]
    keys = ("domain_snapshot.timestamp", "domain_snapshot.rbd_snapshots")
    values = iter(handler.read_many(("domain.snapshots", uuid, key, name) for uuid, name in pairs for key in keys))
    snapshots: dict[str, list[VmSnapshot]] = {}
    for uuid, name in pairs:
        snapshot = VmSnapshot(name, parse_int(next(values)), parse_list(next(values)))
        snapshots.setdefault(uuid, []).append(snapshot)
    return {
        uuid: tuple(sorted(found, key=lambda s: (s.timestamp or 0, natural_key(s.name))))
        for uuid, found in snapshots.items()
    }
