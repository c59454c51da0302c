"""A VM's record, and the states that PVC gives VMs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.cluster.vms.tags import Tag

if TYPE_CHECKING:
    from pvc_cli.cluster.vms.hardware import Hardware
    from pvc_cli.cluster.vms.stats import VmStats

STATES = (
    "start", "stop", "shutdown", "restart", "disable", "fail",
    "migrate", "migrate-live", "unmigrate", "provision", "import", "restore", "mirror",
)  # fmt: skip
"""The states that PVC gives VMs."""
WATCHED_KEYS = (
    "domain.name",
    "domain.state",
    "domain.node",
    "domain.last_node",
    "domain.meta.node_limit",
    "domain.xml",
)
"""Keys of a VM, tags aside, that a table of VMs shows."""


def is_outside(node: str, limit: Sequence[str]) -> bool:
    """Tell whether a VM on *node* is where its node *limit* does not allow it; no limit allows all."""
    return bool(node and limit) and node not in limit


def is_lost(state: str, node: str, dead: Collection[str]) -> bool:
    """Tell whether a VM should run on a node that is one of the *dead*: whatever its state says, it may not run."""
    return node in dead and state not in ("stop", "disable", "fail")


class VmSnapshot(NamedTuple):
    """A snapshot of a whole VM; *timestamp* in seconds since 1970."""

    name: str
    timestamp: float | None
    rbd_snapshots: tuple[str, ...]
    xml_changes: tuple[str, ...] | None
    """Which lines of the VM's XML went since, with a minus, and which came, with a plus; None is not known."""


class VmSummary(NamedTuple):
    """What lists show of a VM. None is missing or invalid."""

    uuid: str
    name: str
    hardware: Hardware | None
    """The hardware in the XML, or None if the XML is broken."""
    xml_error: str
    """Why the XML is broken; empty if it is not."""
    state: str
    node: str
    last_node: str
    failed_reason: str
    profile: str
    node_autostart: bool | None
    node_limit: tuple[str, ...]
    tags: tuple[str, ...]
    """The tags' names."""


class Vm(NamedTuple):
    """A VM as the tree has it, with all that its document has. None is missing or invalid."""

    uuid: str
    name: str
    xml: str
    hardware: Hardware | None
    """The hardware in the XML, or None if the XML is broken."""
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
    stats: VmStats
    """What its node last counted."""
