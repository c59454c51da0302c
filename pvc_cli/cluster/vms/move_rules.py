"""Whether a VM may move, as it was read, and what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.sriov.handover import Moving
from pvc_cli.cluster.sriov.model import text_of
from pvc_cli.cluster.sriov.users import uses
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.room import Room
from pvc_cli.cluster.vms.target import Host
from pvc_cli.zk import Znode

Way = Literal["move", "migrate", "unmigrate"]
KEYS = (
    *("domain", "domain.state", "domain.node", "domain.last_node", "domain.xml"),
    *("domain.meta.node_limit", "domain.meta.node_selector", "domain.meta.migrate_method"),
)
AT_REST = ("start", "stop", "disable", "fail", "mirror")
"""The states of a VM that no daemon is busy with."""
ON_THE_WAY = ("migrate", "migrate-live")


@dataclass(frozen=True, slots=True)
class SeenVm:
    """A VM as it was read."""

    vm: VmRef
    znodes: Mapping[str, Znode | None]
    parsed: hardware.Hardware | None

    def text(self, key: str) -> str:
        """Return the value of one of :data:`KEYS`, empty if there is none."""
        return text_of(self.znodes[key])

    @property
    def memory(self) -> int:
        """How much memory it has, in MiB; 0 if that is unknown."""
        return (self.parsed.memory or 0) if self.parsed else 0

    @property
    def vcpus(self) -> int:
        """How many vCPUs it has; 0 if that is unknown."""
        return (self.parsed.vcpu or 0) if self.parsed else 0

    @property
    def runs(self) -> bool:
        """Whether it is to run."""
        return self.text("domain.state") == "start"


def hindrance(
    one: SeenVm, way: Way, wanted: str | None, limit: Sequence[str], hosts: Mapping[str, Host]
) -> tuple[Literal["already", "refused", "hindered"], str]:
    """Return whether a VM is there already, must not move, or should not unless forced, and why; else no reason."""
    here, last, state = one.text("domain.node"), one.text("domain.last_node"), one.text("domain.state")
    if one.znodes["domain"] is None:
        return "refused", "the VM no longer exists"
    if way == "unmigrate" and not last:
        return "already", "has not been migrated"
    if wanted == here and (way == "migrate" or not last):
        return "already", f"is {'on its way to' if state in ON_THE_WAY else 'on'} node {here}"
    if wanted is not None and wanted not in hosts:
        return "refused", f"node {wanted} no longer exists: move it elsewhere with 'pvc vm move --target NODE'"
    if wanted is not None and way != "unmigrate" and limit and wanted not in limit:
        return "refused", f"its node limit allows only {', '.join(limit)}: change it with 'pvc vm meta set --limit'"
    if state not in AT_REST:
        return (
            "refused",
            f"it is in state {state or 'unknown'}: wait until that is done, or stop it",
        )
    if way == "migrate" and last and wanted == last:
        return "refused", f"it was migrated from node {last}: move it back with 'pvc vm unmigrate'"
    if way == "migrate" and last:
        return "hindered", f"it was migrated already, from node {last}: unmigrate it"
    if one.parsed is None:
        return "hindered", "its XML is broken, so that its memory and its VFs are unknown: repair it"
    source = hosts.get(here)
    if one.runs and wanted != here and source and source.fencing == "flushing":
        return "hindered", (
            f"PVC is moving the VMs of its node {here}: wait until that is done, see 'pvc node info {here}'"
        )
    if one.runs and wanted != here and source and not (source.runs or source.fencing == "fenced"):
        at = text_of(source.daemon) or "unknown"
        return "hindered", (
            f"the daemon of its node {here} is in state {at}, and the node is not fenced, so that it may still run"
            " there: power the node off first"
        )
    return "hindered", ""


def lack(one: SeenVm, host: Host, room: Room) -> str:
    """Return why a running VM does not fit on *host*, or nothing."""
    return host.lacks(one.vm, one.memory, room) if one.runs else ""


def see(vm: VmRef, znodes: Mapping[str, Znode | None]) -> SeenVm:
    """Return a VM from the znodes of its :data:`KEYS`."""
    try:
        return SeenVm(vm, znodes, hardware.parse(text_of(znodes["domain.xml"])))
    except hardware.BrokenXmlError:
        return SeenVm(vm, znodes, None)


def moving_of(one: SeenVm, target: str) -> Moving:
    """Return what its VFs have to know of a VM that goes to *target*."""
    here, method = one.text("domain.node"), one.znodes["domain.meta.migrate_method"]
    return Moving(one.vm, uses(one.parsed) if one.parsed and target != here else (), here, target, method)


def said(one: SeenVm, target: str, *, stays: bool, is_down: bool) -> str:
    """Return what is said of a VM that goes to *target*, or *stays* there; *is_down* is where it was."""
    if stays:
        return f"on node {target} for good"
    if one.runs:
        return f"moved to {target}, which starts it" if is_down else f"migration to {target} requested"
    return f"moved to {target}"


def is_down_of(one: SeenVm, hosts: Mapping[str, Host]) -> bool:
    """Tell whether nothing can migrate a VM from where it is."""
    source = hosts.get(one.text("domain.node"))
    return source is None or not source.runs
