"""Disable VMs: those that run are shut down first, as PVC does."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from pvc_cli.cluster.controls import Control, OnProgress, Outcome, Plan, refuse, unheard
from pvc_cli.cluster.vms.power import plan_power, power_goal
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.state_lock import control_vms
from pvc_cli.cluster.waiting import wait_for
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.store import OnWait

_RUNNING = ("start", "shutdown", "restart")
_NOBODY_STOPS = "it runs, and nothing stops it in a backup; use --force"
ONCE_STOPPED = "disabled once it has stopped"
"""What would become of a running VM."""


def disable(
    handler: ZKHandler,
    vms: Sequence[VmRef],
    *,
    held: Callable[[Plan[VmRef]], Plan[VmRef]] = lambda plan: plan,
    force: bool = False,
    timeout: float = 300.0,
    dry_run: bool = False,
    on_progress: OnProgress = unheard,
    on_wait: OnWait = None,
) -> Outcome[VmRef]:
    """Disable *vms*; a running one is told to shut down, and is disabled once it has stopped.

    One that does not stop fails, and stays shut down if it stops later: run it again to finish. In a backup, nothing
    stops a running one, and it is refused.

    :param held: returns a plan that refuses what selected VMs no longer match; what was stopped matched before.
    :param force: stop running ones at once, and disable others whatever their state is.
    :param timeout: how long, in seconds, to wait for them to stop.
    :param on_wait: is told who holds a lock that has to be waited for.
    """
    states = handler.read_many(("domain.state", vm.uuid) for vm in vms)
    running = [vm for vm, state in zip(vms, states, strict=True) if state in _RUNNING]
    if handler.is_live or force:
        how = held(plan_power("stop" if force else "shutdown", force=force))
        ending = control_vms(handler, running, how, dry_run=dry_run, on_wait=on_wait)
    else:
        ending = Outcome(tuple(refuse(handler, vm, _NOBODY_STOPS) for vm in running))
    if running and handler.is_live and not (dry_run or force):
        ending = wait_for(handler, ending, power_goal("shutdown", also=("fail",)), timeout, on_progress)
    steps = {step.item: _then_disable(step) if dry_run else step for step in ending.controls}
    stopped = [vm for vm, step in steps.items() if step.status in ("changed", "unchanged") and not dry_run]
    rest = [vm for vm in vms if vm not in steps]
    disabled = control_vms(
        handler, [*rest, *stopped], _plan_rest(held, rest, force=force), dry_run=dry_run, on_wait=on_wait
    )
    for step in disabled.controls:
        if step.item in steps:
            step.transaction.ops[:0] = steps[step.item].transaction.ops
        steps[step.item] = step
    return Outcome(tuple(steps[vm] for vm in vms), (*ending.errors, *disabled.errors))


def _plan_rest(held: Callable[[Plan[VmRef]], Plan[VmRef]], rest: Collection[VmRef], *, force: bool) -> Plan[VmRef]:
    """Return the plan that disables VMs that were stopped for it, and *rest*, which may be meant no longer."""
    plain, kept = plan_power("disable", force=force), frozenset(rest)
    while_meant = held(plain)

    def plan(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        parts = ((while_meant, [vm for vm in vms if vm in kept]), (plain, [vm for vm in vms if vm not in kept]))
        steps = {step.item: step for make, some in parts if some for step in make(handler, some)}
        return [steps[vm] for vm in vms]

    return plan


def _then_disable(step: Control[VmRef]) -> Control[VmRef]:
    """Return what would become of a VM that *step* would stop first."""
    if step.status not in ("changed", "unchanged"):
        return step
    step.transaction.set(("domain.state", step.item.uuid), "disable")
    return replace(step, status="changed", detail=ONCE_STOPPED)
