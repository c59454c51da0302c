"""Tell nodes what to do: their daemons act on it."""

from collections.abc import Sequence

from pvc_cli.cluster.controls import Control, Plan, decide, refuse
from pvc_cli.cluster.vms.target import read_hosts
from pvc_cli.cluster.waiting import Goal
from pvc_cli.errors import PvcError
from pvc_cli.zk import Key, ZKHandler

_DOMAIN_STATES = {
    "flush": ("flush", "flushed", "flush requested"),
    "ready": ("unflush", "ready", "return to ready requested"),
}
_PRIMARY = "base.config.primary_node"
_LOCK = "base.config.primary_node.sync_lock"


def plan_domain_state(wanted: str) -> Plan[str]:
    """Return the plan for :func:`pvc_cli.cluster.controls.control` that makes nodes ready, or flushes any of them.

    :param wanted: ``flush`` or ``ready``.
    """
    asked, reached, done = _DOMAIN_STATES[wanted]

    def plan(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
        keys = ("node.state.domain", "node.state.daemon")
        found = iter(handler.get_znodes((key, name) for name in names for key in keys))
        controls = []
        for name in names:
            state, daemon = next(found), next(found)
            if daemon is None or daemon.text != "run":
                at = daemon.text if daemon else "unknown"
                why = f"its daemon, which would do it, is in state {at}"
                controls.append(refuse(handler, name, why))
                continue
            text = state.text if state else ""
            values = [] if text in (asked, reached) else [(("node.state.domain", name), state, asked)]
            transaction = handler.transaction()
            transaction.guard(("node.state.daemon", name), daemon)
            controls.append(
                decide(transaction, name, values, done, "already " + (reached if text == reached else "requested"))
            )
        return controls

    return plan


def plan_flush(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
    """Plan to flush nodes, all of them together: unless another node is left that runs and is ready, none."""
    controls = plan_domain_state("flush")(handler, names)
    left = [host for name, host in read_hosts(handler).items() if name not in names and not host.hindrance]
    flushing = [one for one in controls if one.status == "changed"]
    if not left:
        why = "no other node is ready, so that PVC would shut its VMs down; override with --force"
        return [refuse(handler, one.name, why) if one in flushing else one for one in controls]
    for one in flushing:
        left[0].guard(one.transaction)
    return controls


def plan_coordinator(wanted: str) -> Plan[str]:
    """Return the plan that makes a node the primary coordinator, or a secondary one.

    :param wanted: ``primary`` or ``secondary``.
    """

    def plan(handler: ZKHandler, names: Sequence[str]) -> list[Control[str]]:
        return [_coordinator(handler, name, wanted) for name in names]

    return plan


def reached(key: str, state: str) -> Goal[str]:
    """Return when a node's daemon has done what it was told: once *key* of the node says *state*."""

    def look(handler: ZKHandler, names: Sequence[str]) -> list[str | PvcError]:
        values = handler.read_many((key, name) for name in names)
        return ["" if value == state else f"it is in state {value or 'unknown'}" for value in values]

    return look


def _coordinator(handler: ZKHandler, name: str, wanted: str) -> Control[str]:
    keys: list[Key] = [("node.mode", name), ("node.state.daemon", name), _PRIMARY, ("node.state.router", name)]
    mode, daemon, primary, router = handler.get_znodes(keys)
    if mode is None or mode.text != "coordinator":
        return refuse(handler, name, "it is not a coordinator")
    if daemon is None or daemon.text != "run":
        at = daemon.text if daemon else "unknown"
        return refuse(handler, name, f"its daemon is in state {at}")
    is_primary = primary is not None and primary.text == name
    if is_primary == (wanted == "primary"):
        done = router is not None and router.text == wanted
        return decide(handler.transaction(), name, [], "", f"already {wanted if done else 'requested'}")
    transaction = handler.transaction()
    for key, znode in zip(keys[:2], (mode, daemon), strict=True):
        transaction.guard(key, znode)
    value = name if wanted == "primary" else "none"
    return decide(
        transaction, name, [(_PRIMARY, primary, value)], f"change to {wanted} requested{_stuck(handler)}", ""
    )


def _stuck(handler: ZKHandler) -> str:
    """Return what holds up every change of the primary coordinator, if something does."""
    (queue,) = handler.read_queues([_LOCK])
    if not any(place.stuck for place in queue):
        return ""
    return f", but the lock on {_LOCK} is stuck, which holds it up: remove it with 'pvc schema apply --prune'"
