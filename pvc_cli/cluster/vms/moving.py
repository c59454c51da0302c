"""Move VMs to other nodes: for good, for a while, and back. Their VFs move along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pvc_cli.cluster.controls import Control, decide, refuse
from pvc_cli.cluster.sriov.handover import Handover, Moving
from pvc_cli.cluster.sriov.model import text_of
from pvc_cli.cluster.sriov.users import uses
from pvc_cli.cluster.values import parse_list
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.room import Room
from pvc_cli.cluster.vms.target import Host, choose_host, read_hosts
from pvc_cli.errors import PvcError, RefusedError
from pvc_cli.zk import Key, ZKHandler, Znode

Way = Literal["move", "migrate", "unmigrate"]
_KEYS = (
    *("domain", "domain.state", "domain.node", "domain.last_node", "domain.xml"),
    *("domain.meta.node_limit", "domain.meta.node_selector", "domain.meta.migrate_method"),
)
_SELECTOR = "base.config.migration_target_selector"
_AT_REST = ("start", "stop", "disable", "fail", "mirror")
"""The states of a VM that no daemon is busy with."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A VM as it was read."""

    vm: VmRef
    znodes: Mapping[str, Znode | None]
    parsed: hardware.Hardware | None

    def text(self, key: str) -> str:
        return text_of(self.znodes[key])

    @property
    def memory(self) -> int:
        return (self.parsed.memory or 0) if self.parsed else 0

    @property
    def vcpus(self) -> int:
        return (self.parsed.vcpu or 0) if self.parsed else 0

    @property
    def runs(self) -> bool:
        return self.text("domain.state") == "start"


@dataclass(frozen=True, slots=True)
class Move:
    """A way to move VMs; its :meth:`plan` is for :func:`pvc_cli.cluster.vms.state_lock.control_vms`.

    ``move`` moves them for good; ``migrate`` remembers where they were, so that ``unmigrate`` moves them back.

    :param target: the node to move to; by default, the one that each VM's selector prefers.
    :param live: have the daemons migrate running VMs live, whatever their migration method is.
    :param force: move a VM that is busy, or was migrated already, and to a node that is not ready or lacks memory.
    """

    way: Way
    target: str | None = None
    live: bool = False
    force: bool = False
    _room: Room = field(default_factory=Room)
    _targets: dict[VmRef, str] = field(default_factory=dict)
    """Where running VMs were told to go."""

    def plan(self, handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        """Plan to move *vms*, read in a few batches."""
        hosts, default = read_hosts(handler), handler.read(_SELECTOR) or ""
        found = iter(handler.get_znodes((key, vm.uuid) for vm in vms for key in _KEYS))
        seen = [_see(vm, {key: next(found) for key in _KEYS}) for vm in vms]
        # One after the other: each leaves less room for the next.
        judged = [self._judge(handler, one, hosts, default) for one in seen]
        moving = {
            one.vm: _moving(one, host.name) for one, host in zip(seen, judged, strict=True) if isinstance(host, Host)
        }
        handover = Handover.read(handler, moving.values())
        return [
            self._move(handler, one, host, moving[one.vm], handover) if isinstance(host, Host) else host
            for one, host in zip(seen, judged, strict=True)
        ]

    def goal(self, handler: ZKHandler, vms: Sequence[VmRef]) -> list[str | PvcError]:
        """Return of each VM that was told to go somewhere how it is instead; nothing once it runs there."""
        keys = ("domain.state", "domain.node", "domain.failed_reason")
        rows = handler.read_rows([(key, vm.uuid) for key in keys] for vm in vms)
        return [self._missing(vm, *(value or "" for value in row)) for vm, row in zip(vms, rows, strict=True)]

    def _missing(self, vm: VmRef, state: str, node: str, reason: str) -> str | PvcError:
        if vm not in self._targets or (state, node) == ("start", self._targets[vm]):
            return ""
        if state == "fail":
            return RefusedError(f"it failed: {reason or 'the node gave no reason'}; see 'pvc vm info'")
        if node != self._targets[vm]:
            return RefusedError(f"the migration was aborted: it is on node {node}; see 'pvc node log {node}'")
        return f"it is in state {state or 'unknown'}"

    def _judge(
        self, handler: ZKHandler, one: _Seen, hosts: Mapping[str, Host], default: str
    ) -> Host | Control[VmRef]:
        """Return where a VM goes, or what becomes of it instead."""
        wanted = one.text("domain.last_node") if self.way == "unmigrate" else self.target
        limit = parse_list(one.text("domain.meta.node_limit"))
        kind, why = _hindrance(one, self.way, wanted, limit, hosts)
        if kind == "already":
            return decide(handler.transaction(), one.vm, [], "", why)
        if kind == "refused":
            return refuse(handler, one.vm, why)
        if not why or self.force:
            here = one.text("domain.node")
            allowed = [host for name, host in hosts.items() if name != here and (not limit or name in limit)]
            host = hosts[wanted] if wanted is not None else self._choose(one, allowed, default)
            if isinstance(host, str):
                return refuse(handler, one.vm, host)
            why = "" if host.name == here else host.hindrance or self._lack(one, host)
            if not why or self.force:
                self._room.take(one.vm, host.name, one.memory if one.runs else 0, one.vcpus)
                return host
        return refuse(handler, one.vm, f"{why}; override with --force")

    def _lack(self, one: _Seen, host: Host) -> str:
        """Return why a running VM does not fit on *host*, or nothing."""
        return host.lacks(one.vm, one.memory, self._room) if one.runs else ""

    def _choose(self, one: _Seen, hosts: Sequence[Host], default: str) -> Host | str:
        """Return which of *hosts* a VM's selector prefers, or why there is none."""
        selector = one.text("domain.meta.node_selector")
        able = [host for host in hosts if not host.hindrance]
        roomy = [host for host in able if not self._lack(one, host)]
        return choose_host(
            roomy or able, default if selector in ("", "None", "none") else selector, one.vm, self._room
        )

    def _move(self, handler: ZKHandler, one: _Seen, host: Host, moving: Moving, handover: Handover) -> Control[VmRef]:
        here, last = one.text("domain.node"), one.text("domain.last_node")
        stays = host.name == here
        if self.live and one.runs and any(use.type == "hostdev" for use in moving.uses):
            return refuse(
                handler, one.vm, "it has a device passed through, and cannot migrate live: omit --force-live"
            )
        state = one.text("domain.state")
        if one.runs and not stays:
            state = "migrate-live" if self.live else "migrate"
        values = {
            "domain.state": state,
            "domain.node": host.name,
            "domain.last_node": (last or here) if self.way == "migrate" else "",
        }
        transaction = handler.transaction()
        for key in ("domain", "domain.xml", "domain.meta.node_limit", "domain.meta.node_selector"):
            transaction.guard((key, one.vm.uuid), one.znodes[key])
        if not stays:
            if not self.force:
                host.guard(transaction)
            try:
                handover.add_to(transaction, moving, force=self.force)
            except RefusedError as error:
                return refuse(handler, one.vm, str(error))
        rows: list[tuple[Key, Znode | None, str]] = [
            ((key, one.vm.uuid), one.znodes[key], value) for key, value in values.items()
        ]
        for guarded, znode, value in rows:
            if znode and znode.text == value:
                transaction.guard(guarded, znode)
        if one.runs and not stays:
            self._targets[one.vm] = host.name
        return decide(transaction, one.vm, rows, _said(one, host.name, stays=stays), "")


def _hindrance(
    one: _Seen, way: Way, wanted: str | None, limit: Sequence[str], hosts: Mapping[str, Host]
) -> tuple[Literal["already", "refused", "hindered"], str]:
    """Return whether a VM is there already, must not move, or should not unless forced, and why; else no reason."""
    here, last, state = one.text("domain.node"), one.text("domain.last_node"), one.text("domain.state")
    if one.znodes["domain"] is None:
        return "refused", "the VM no longer exists"
    if way == "unmigrate" and not last:
        return "already", "has not been migrated"
    if wanted == here and not (way == "move" and last):
        return "already", f"is on node {here}"
    if wanted is not None and wanted not in hosts:
        return "refused", f"node {wanted} no longer exists: move it elsewhere with 'pvc vm move --target NODE'"
    if wanted is not None and way != "unmigrate" and limit and wanted not in limit:
        return "refused", f"its node limit allows only {', '.join(limit)}: change it with 'pvc vm meta set --limit'"
    if state not in _AT_REST:
        return "hindered", f"it is in state {state or 'unknown'}: wait until that is done"
    if way == "migrate" and last:
        return "hindered", f"it was migrated already, from node {last}: unmigrate it"
    if one.parsed is None:
        return "hindered", "its XML is broken, so that its memory and its VFs are unknown: repair it"
    if one.runs and wanted != here and here in hosts and text_of(hosts[here].daemon) != "run":
        at = text_of(hosts[here].daemon) or "unknown"
        return "hindered", f"the daemon of its node {here}, which would migrate it, is in state {at}"
    return "hindered", ""


def _see(vm: VmRef, znodes: Mapping[str, Znode | None]) -> _Seen:
    try:
        return _Seen(vm, znodes, hardware.parse(text_of(znodes["domain.xml"])))
    except hardware.BrokenXmlError:
        return _Seen(vm, znodes, None)


def _moving(one: _Seen, target: str) -> Moving:
    here, method = one.text("domain.node"), one.znodes["domain.meta.migrate_method"]
    return Moving(one.vm, uses(one.parsed) if one.parsed and target != here else (), here, target, method)


def _said(one: _Seen, target: str, *, stays: bool) -> str:
    if stays:
        return f"on node {target} for good"
    return f"told to migrate to {target}" if one.runs else f"moved to {target}"
