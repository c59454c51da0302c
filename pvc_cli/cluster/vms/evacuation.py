"""What becomes of the running VMs of nodes that are flushed, as PVC's daemons decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pvc_cli.cluster.sriov.model import text_of
from pvc_cli.cluster.values import parse_list
from pvc_cli.cluster.vms.move_rules import KEYS, SeenVm, lack, see
from pvc_cli.cluster.vms.query import VmRef, list_vms
from pvc_cli.cluster.vms.room import Room
from pvc_cli.cluster.vms.target import DEFAULT_SELECTOR, Host, choose_host, has_own_selector, read_hosts
from pvc_cli.zk import ZKHandler

_DONE = ("flush", "flushed")


class Evacuation(NamedTuple):
    """The running VMs of a node that is flushed, by what becomes of them."""

    node: str
    migrated: list[VmRef]
    crowded: list[VmRef]
    """Those of them whose target has too little free memory: PVC does not look at that."""
    shut_down: list[VmRef]
    """Those for which there is no target."""


def foresee_flush(handler: ZKHandler, nodes: Sequence[str]) -> list[Evacuation]:
    """Return what flushing *nodes* together would do, in a few batches; those that do not flush are left out."""
    hosts, default = read_hosts(handler), handler.read(DEFAULT_SELECTOR) or ""
    emptied = [host.name for name in nodes if (host := hosts.get(name)) and _will_flush(host)]
    able = [host for name, host in hosts.items() if name not in nodes and not host.hindrance]
    found: Mapping[str, Evacuation] = {name: Evacuation(name, [], [], []) for name in emptied}
    room = Room()
    for one in _running_on(handler, found):
        evacuation = found[one.text("domain.node")]
        target = _target(one, able, default, room)
        if target is None:
            evacuation.shut_down.append(one.vm)
            continue
        evacuation.migrated.append(one.vm)
        if lack(one, target, room):
            evacuation.crowded.append(one.vm)
        room.take(one.vm, target.name, one.memory, one.vcpus)
    return list(found.values())


def _will_flush(host: Host) -> bool:
    return host.runs and text_of(host.domain_state) not in _DONE


def _running_on(handler: ZKHandler, nodes: Mapping[str, object]) -> list[SeenVm]:
    vms = list_vms(handler)
    at = handler.read_many(("domain.node", vm.uuid) for vm in vms)
    here = [vm for vm, node in zip(vms, at, strict=True) if node in nodes]
    znodes = iter(handler.get_znodes((key, vm.uuid) for vm in here for key in KEYS))
    seen = [see(vm, {key: next(znodes) for key in KEYS}) for vm in here]
    return [one for one in seen if one.runs and one.text("domain.node") in nodes]


def _target(one: SeenVm, able: Sequence[Host], default: str, room: Room) -> Host | None:
    """Return where PVC would move a VM: nowhere, if that is where it was migrated from."""
    limit, own = parse_list(one.text("domain.meta.node_limit")), one.text("domain.meta.node_selector")
    allowed = [host for host in able if not limit or host.name in limit]
    chosen = choose_host(allowed, own if has_own_selector(own) else default, "", one.vm, room)
    return None if isinstance(chosen, str) or chosen.name == one.text("domain.last_node") else chosen
