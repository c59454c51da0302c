"""The JSON documents of VMs, in the words of PVC's API: made here only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pvc_cli.cluster.vms.stats import DISK_COUNTERS, NETWORK_COUNTERS, Entries, counters

if TYPE_CHECKING:
    from pvc_cli.cluster.vms.hardware import Disk, Interface
    from pvc_cli.cluster.vms.model import Vm, VmSnapshot, VmSummary

Document = dict[str, Any]
_DEFAULTS = ("", "none", "None")
"""How PVC spells that a VM has no setting of its own; its documents have null."""


def vm_document(vm: Vm) -> Document:
    """Return the document of a VM that was read completely; with broken XML, its hardware is null."""
    found, stats = vm.hardware, vm.stats
    return {
        "name": vm.name,
        "uuid": vm.uuid,
        "state": vm.state,
        "node": vm.node,
        "last_node": vm.last_node,
        "migrated": migrated(vm),
        "failed_reason": vm.failed_reason,
        "node_limit": vm.node_limit or None,
        "node_selector": None if vm.node_selector in _DEFAULTS else vm.node_selector,
        "node_autostart": vm.node_autostart,
        "migration_method": None if vm.migration_method in _DEFAULTS else vm.migration_method,
        "migration_max_downtime": vm.migration_max_downtime,
        "tags": [tag._asdict() for tag in vm.tags],
        "description": found and found.description,
        "profile": vm.profile,
        "memory": found and found.memory,
        "memory_stats": stats.memory,
        "vcpu": found and found.vcpu,
        "vcpu_topology": found and found.vcpu_topology,
        "vcpu_stats": stats.vcpu,
        "networks": found and _counted(found.networks, "source", stats.networks, NETWORK_COUNTERS),
        "type": found and found.type,
        "arch": found and found.arch,
        "machine": found and found.machine,
        "console": found and found.console,
        "vnc": {"listen": vm.vnc_listen, "port": vm.vnc_port},
        "emulator": found and found.emulator,
        "features": found and found.features,
        "disks": found and _counted(found.disks, "name", stats.disks, DISK_COUNTERS),
        "controllers": found and [controller._asdict() for controller in found.controllers],
        "xml": vm.xml,
        "snapshots": [_snapshot_document(snapshot) for snapshot in vm.snapshots],
    }


def migrated(vm: Vm | VmSummary) -> str:
    """Return where a VM was migrated from, in PVC's words, or ``no``."""
    return f"from {vm.last_node}" if vm.last_node else "no"


def _counted(devices: Sequence[Disk | Interface], name: str, entries: Entries, keys: Sequence[str]) -> list[Document]:
    names = [getattr(device, name) for device in devices]
    return [
        {**device._asdict(), **found} for device, found in zip(devices, counters(names, entries, keys), strict=True)
    ]


def _snapshot_document(snapshot: VmSnapshot) -> Document:
    taken = snapshot.timestamp
    return {
        "name": snapshot.name,
        "timestamp": taken,
        "age": None if taken is None else int(time.time()) - int(taken),
        "rbd_snapshots": snapshot.rbd_snapshots,
        "xml_diff_lines": snapshot.xml_changes,
    }
