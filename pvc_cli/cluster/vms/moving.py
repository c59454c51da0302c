"""Move VMs to other nodes: for good, for a while, and back. Their VFs move along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.cluster.controls import Control, decide, refuse
from pvc_cli.cluster.sriov.handover import Handover, Moving
from pvc_cli.cluster.values import parse_list
from pvc_cli.cluster.vms.move_rules import (
    KEYS,
    ON_THE_WAY,
    SeenVm,
    Way,
    hindrance,
    is_down_of,
    lack,
    moving_of,
    said,
    see,
)
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.room import Room
from pvc_cli.cluster.vms.running import running_since, says_running
from pvc_cli.cluster.vms.target import DEFAULT_SELECTOR, Host, choose_host, has_own_selector, read_hosts
from pvc_cli.errors import PvcError, RefusedError
from pvc_cli.zk import Key, ZKHandler, Znode

_SET_OWN = "pvc vm meta set --node-selector"
_SET_DEFAULT = f"pvc key set {DEFAULT_SELECTOR} mem"


@dataclass(slots=True)
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
    _since: int | None = field(default=None, init=False)
    _room: Room = field(default_factory=Room, init=False)
    _targets: dict[VmRef, str] = field(default_factory=dict, init=False)
    """Where running VMs were told to go."""

    def plan(self, handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        """Plan to move *vms*, read in a few batches."""
        hosts, default = read_hosts(handler), handler.read(DEFAULT_SELECTOR) or ""
        found = iter(handler.get_znodes((key, vm.uuid) for vm in vms for key in KEYS))
        seen = [see(vm, {key: next(found) for key in KEYS}) for vm in vms]
        barred: dict[VmRef, Control[VmRef]] = {}
        while True:
            room = self._room.copy()
            # One after the other: each leaves less room for the next. One whose VFs cannot move leaves all of it.
            judged = [barred.get(one.vm) or self._judge(handler, one, hosts, default, room) for one in seen]
            moving = {
                one.vm: moving_of(one, host.name)
                for one, host in zip(seen, judged, strict=True)
                if isinstance(host, Host)
            }
            handover = Handover.read(handler, moving.values())
            steps = [
                self._move(handler, one, host, moving[one.vm], handover, is_down=is_down_of(one, hosts))
                if isinstance(host, Host)
                else host
                for one, host in zip(seen, judged, strict=True)
            ]
            refused = {step.item: step for step in steps if step.item in moving and step.status == "refused"}
            if not refused:
                self._room = room
                return steps
            barred |= refused

    def goal(self, handler: ZKHandler, vms: Sequence[VmRef]) -> list[str | PvcError]:
        """Return of each VM that was told to go somewhere how it is instead; nothing once it runs there."""
        self._since = handler.last_zxid if self._since is None else self._since
        running = running_since(handler, self._since)
        keys = ("domain.state", "domain.node", "domain.failed_reason")
        rows = handler.read_rows([(key, vm.uuid) for key in keys] for vm in vms)
        return [self._missing(vm, running, *row) for vm, row in zip(vms, rows, strict=True)]

    def _missing(
        self,
        vm: VmRef,
        running: dict[str, set[str] | None],
        state: str | None,
        node: str | None,
        reason: str | None,
    ) -> str | PvcError:
        target = self._targets.get(vm)
        if target is None:
            return ""
        if state is None:
            return RefusedError("the VM no longer exists")
        if state == "fail":
            return RefusedError(f"it failed: {reason or 'the node gave no reason'}; see 'pvc vm info'")
        if node != target:
            return RefusedError(f"the migration was aborted: it is on node {node}; see 'pvc node log {node}'")
        if state != "start":
            return f"it is in state {state or 'unknown'}"
        return "" if says_running(running, target, vm.uuid) else f"node {target} does not run it yet"

    def _judge(
        self, handler: ZKHandler, one: SeenVm, hosts: Mapping[str, Host], default: str, room: Room
    ) -> Host | Control[VmRef]:
        """Return where a VM goes, or what becomes of it instead."""
        wanted = one.text("domain.last_node") if self.way == "unmigrate" else self.target
        limit = parse_list(one.text("domain.meta.node_limit"))
        kind, why = hindrance(one, self.way, wanted, limit, hosts)
        if kind == "already":
            if one.text("domain.state") in ON_THE_WAY:
                self._targets[one.vm] = one.text("domain.node")
            return decide(handler.transaction(), one.vm, [], "", why)
        if kind == "refused":
            return refuse(handler, one.vm, why)
        if not why or self.force:
            here = one.text("domain.node")
            left = (here, one.text("domain.last_node"))
            allowed = [host for name, host in hosts.items() if name not in left and (not limit or name in limit)]
            host = hosts[wanted] if wanted is not None else self._choose(one, allowed, default, room)
            if isinstance(host, str):
                return refuse(handler, one.vm, host)
            if host.name == here:
                return host
            why = host.hindrance or lack(one, host, room)
            if not why or self.force:
                room.take(one.vm, host.name, one.memory if one.runs else 0, one.vcpus)
                return host
        return refuse(handler, one.vm, f"{why}; override with --force")

    def _choose(self, one: SeenVm, hosts: Sequence[Host], default: str, room: Room) -> Host | str:
        """Return which of *hosts* a VM's selector prefers, or why there is none."""
        own = one.text("domain.meta.node_selector")
        able = [host for host in hosts if not host.hindrance]
        roomy = [host for host in able if not lack(one, host, room)]
        if has_own_selector(own):
            return choose_host(roomy or able, own, _SET_OWN, one.vm, room)
        return choose_host(roomy or able, default, _SET_DEFAULT, one.vm, room)

    def _move(
        self,
        handler: ZKHandler,
        one: SeenVm,
        host: Host,
        moving: Moving,
        handover: Handover,
        *,
        is_down: bool,
    ) -> Control[VmRef]:
        """Plan to move a VM to *host*; if its node *is_down*, the target starts it: nothing can migrate it."""
        here, last = one.text("domain.node"), one.text("domain.last_node")
        stays = host.name == here
        if self.live and one.runs and any(use.type == "hostdev" for use in moving.uses):
            return refuse(
                handler, one.vm, "it has a device passed through, and cannot migrate live: omit --force-live"
            )
        state = one.text("domain.state")
        if one.runs and not stays and not is_down:
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
        return decide(transaction, one.vm, rows, said(one, host.name, stays=stays, is_down=is_down), "")
