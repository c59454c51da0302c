"""Start VMs and stop them: what PVC's daemons are told, and when they must not be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pvc_cli.cluster.controls import Control, Plan, decide, refuse
from pvc_cli.cluster.memory import gibibytes
from pvc_cli.cluster.sriov.model import text_of
from pvc_cli.cluster.values import parse_int
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.room import Room
from pvc_cli.cluster.vms.running import running_since, says_running
from pvc_cli.cluster.waiting import Goal
from pvc_cli.errors import PvcError, RefusedError
from pvc_cli.zk import Transaction, ZKHandler, Znode

Action = Literal["start", "shutdown", "restart", "stop", "disable"]
_KEYS = ("domain", "domain.state", "domain.node")
_ELSEWHERE = "move it to another node with 'pvc vm migrate'"
_GOAL_KEYS = ("domain.state", "domain.failed_reason", "domain.node")
_NODE_KEYS = ("node.state.daemon", "node.memory.free")


class _Rule(NamedTuple):
    """From which states an action leads, and in which there is nothing to do."""

    of: tuple[str, ...]
    at: tuple[str, ...]
    may_force: bool = True


_RULES: Mapping[Action, _Rule] = {
    "start": _Rule(of=("stop", "disable", "fail"), at=("start",)),
    "shutdown": _Rule(of=("start",), at=("shutdown", "stop", "disable"), may_force=False),
    "restart": _Rule(of=("start",), at=("restart",), may_force=False),
    "stop": _Rule(of=("start", "shutdown", "restart", "fail", "disable"), at=("stop",)),
    "disable": _Rule(of=("stop", "fail"), at=("disable",)),
}
_BUSY = ("migrate", "migrate-live", "unmigrate", "provision", "import", "restore")
"""States in which PVC works on a VM: what is started then runs on two nodes, is killed on one, or lacks its disks."""
_REACHED: Mapping[Action, tuple[str, ...]] = {
    "start": ("start",),
    "restart": ("start",),
    "shutdown": ("stop", "disable"),
    "stop": ("stop", "disable"),
    "disable": ("disable",),
}
"""In which states it is done."""
_DONE: Mapping[Action, str] = {
    "start": "start requested",
    "shutdown": "shutdown requested",
    "restart": "restart requested",
    "stop": "stop requested",
    "disable": "disabled",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A VM, and the node that is to act on it, as they were read."""

    vm: VmRef
    own: Znode | None
    state: Znode | None
    node: Znode | None
    xml: str
    daemon: Znode | None
    free: int | None
    """The node's free memory, in MiB."""


def plan_power(action: Action, *, force: bool = False) -> Plan[VmRef]:
    """Return the plan that has VMs do *action*, for :func:`pvc_cli.cluster.vms.state_lock.control_vms`.

    A running VM that is to be disabled is shut down first; see :func:`disable` in :mod:`pvc_cli.cluster.vms.disable`.

    :param force: even in a state in which PVC, or reason, does not allow it, and without the memory to start it.
    """
    room = Room()

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        return [_decide(handler, seen, action, room, force=force) for seen in _look(handler, vms, action)]

    return plan


def _look(handler: ZKHandler, vms: Sequence[VmRef], action: Action) -> list[_Seen]:
    """Read *vms* in one batch, and their nodes in another."""
    found = iter(handler.get_znodes((key, vm.uuid) for vm in vms for key in _KEYS))
    rows = [[next(found) for _ in _KEYS] for _ in vms]
    names = list(dict.fromkeys(filter(None, (text_of(node) for _, _, node in rows))))
    on_nodes = iter(handler.get_znodes((key, name) for name in names for key in _NODE_KEYS))
    nodes = {name: (next(on_nodes), next(on_nodes)) for name in names}
    # Only what is started needs memory.
    xmls = handler.read_many(("domain.xml", vm.uuid) for vm in vms) if action == "start" else [None] * len(vms)
    seen = []
    for vm, (own, state, node), xml in zip(vms, rows, xmls, strict=True):
        daemon, free = nodes.get(text_of(node), (None, None))
        seen.append(_Seen(vm, own, state, node, xml or "", daemon, parse_int(text_of(free))))
    return seen


def _decide(handler: ZKHandler, seen: _Seen, action: Action, room: Room, *, force: bool) -> Control[VmRef]:
    state, rule, transaction = text_of(seen.state), _RULES[action], handler.transaction()
    if seen.own is None:
        return refuse(handler, seen.vm, "the VM no longer exists")
    if state in rule.at and not (action == "start" and text_of(seen.daemon) != "run"):
        return decide(transaction, seen.vm, [], "", f"is in state {state}")
    if state in rule.at:
        where = f"the daemon of its node {text_of(seen.node)} is in state {_known(seen.daemon)}"
        return refuse(handler, seen.vm, f"{where}, so that nothing starts it: {_ELSEWHERE}")
    may_force = rule.may_force and not (action == "start" and state in _BUSY)
    if state not in rule.of and not (force and may_force):
        advice = "; override with --force" if may_force else ""
        return refuse(handler, seen.vm, f"{_unfit(state, rule)}{advice}")
    why = "" if force or action == "disable" else _hindrance(seen, action, room)
    if why:
        return refuse(handler, seen.vm, f"{why}; override with --force")
    _guard(transaction, seen)
    return decide(transaction, seen.vm, [(("domain.state", seen.vm.uuid), seen.state, action)], _DONE[action], "")


def _unfit(state: str, rule: _Rule) -> str:
    """Return why an action of *rule* does not go with *state*, and what to do."""
    if state in _BUSY:
        return f"it is in state {state}: wait until that is done, see 'pvc vm list -s {state}'"
    return f"it is in state {state or 'unknown'}, not {_any_of(rule.of)}"


def _any_of(states: Sequence[str]) -> str:
    *others, last = states
    return f"{', '.join(others)} or {last}" if others else last


def _hindrance(seen: _Seen, action: Action, room: Room) -> str:
    """Return why the daemon of the VM's node would not do *action*, or nothing."""
    node = text_of(seen.node)
    if text_of(seen.daemon) != "run":
        at = f"is in state {_known(seen.daemon)}" + (f": {_ELSEWHERE}" if action == "start" else "")
        return f"the daemon of its node {node or 'unknown'}, which would do it, {at}"
    if action != "start":
        return ""
    try:
        found = hardware.parse(seen.xml)
    except hardware.BrokenXmlError as error:
        return f"its XML is broken: {error}"
    given = room.given(node, seen.vm).memory
    needed = found.memory or 0
    if seen.free is not None and needed + given > seen.free:
        needs, free, others = gibibytes(needed, seen.free, given)
        taken = f", of which VMs started before it take {others}" if given else ""
        return f"it needs {needs} of memory, and node {node} has {free} free{taken}"
    room.take(seen.vm, node, needed, found.vcpu or 0)
    return ""


def _known(znode: Znode | None) -> str:
    return text_of(znode) or "unknown"


def _guard(transaction: Transaction, seen: _Seen) -> None:
    """Guard what was decided with what it was decided on."""
    transaction.guard(("domain", seen.vm.uuid), seen.own)
    transaction.guard(("domain.node", seen.vm.uuid), seen.node)
    if seen.node and seen.daemon:
        transaction.guard(("node.state.daemon", seen.node.text), seen.daemon)


def power_goal(action: Action, *, also: Sequence[str] = ()) -> Goal[VmRef]:
    """Return when the daemons have done *action*, for :func:`pvc_cli.cluster.waiting.wait_for`.

    Whether a VM runs, a node says with its keepalive: only what one says after the change tells anything of it.

    :param also: states in which it counts as done, too.
    """
    since: int | None = None

    def look(handler: ZKHandler, vms: Sequence[VmRef]) -> list[str | PvcError]:
        nonlocal since
        since = handler.last_zxid if since is None else since
        running = running_since(handler, since)
        rows = handler.read_rows([(key, vm.uuid) for key in _GOAL_KEYS] for vm in vms)
        return [
            "" if state in also else _missing(action, state, reason, says_running(running, node or "", vm.uuid))
            for vm, (state, reason, node) in zip(vms, rows, strict=True)
        ]

    return look


def _missing(action: Action, state: str | None, reason: str | None, runs: bool | None) -> str | PvcError:
    """Return what *action* lacks; *runs* is whether the VM's node runs it, None if it has not said so yet."""
    if state is None:
        return RefusedError("the VM no longer exists")
    if state == "fail" and action != "stop":
        return RefusedError(f"it failed: {reason or 'the node gave no reason'}; see 'pvc vm info'")
    if state not in _REACHED[action]:
        return f"it is in state {state or 'unknown'}"
    if action == "shutdown":
        # The node's daemon says that it has stopped, once it has.
        return ""
    if runs is None:
        return "its node has not reported since"
    if runs != (action in ("start", "restart")):
        return "its node still runs it" if runs else "its node does not run it yet"
    return ""
