"""Change VMs under the locks that PVC takes on their states."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from pvc_cli.cluster.controls import Control, OnProgress, Outcome, Plan, control, fail, unheard
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import PvcError
from pvc_cli.zk import Lock, ZKHandler
from pvc_cli.zk.store import OnWait

HOLD = 0.5
"""How long, in seconds, PVC keeps a VM's lock after a change, so that every daemon sees the new state."""
_CHUNK = 200


def control_vms(
    handler: ZKHandler,
    vms: Sequence[VmRef],
    plan: Plan[VmRef],
    *,
    dry_run: bool = False,
    on_progress: OnProgress = unheard,
    on_wait: OnWait = None,
) -> Outcome[VmRef]:
    """Carry out *plan* on *vms*, each under the lock on its state, which is held for another half a second.

    What would not change is not locked. A VM whose lock cannot be acquired, or that is gone, fails; the others go on.

    :param on_wait: is told who holds a lock that has to be waited for.
    :raises ConflictError: if the schema version changed.
    """
    first = control(handler, vms, plan, dry_run=True)
    if dry_run:
        return first
    # In one order, so that two commands cannot wait for each other.
    wanted = sorted(step.item for step in first.controls if step.status == "changed")
    done: dict[VmRef, Control[VmRef]] = {step.item: step for step in first.controls}
    errors: list[PvcError] = []
    for start in range(0, len(wanted), _CHUNK):
        with ExitStack() as stack:
            locks: dict[VmRef, Lock] = {}
            for vm in wanted[start : start + _CHUNK]:
                try:
                    locks[vm] = stack.enter_context(handler.exclusivelock(("domain.state", vm.uuid), on_wait))
                except PvcError as error:
                    done[vm] = fail(handler, vm, error)
                    errors.append(error)
            outcome = control(handler, list(locks), _fenced(plan, locks))
            done |= {step.item: step for step in outcome.controls}
            errors += outcome.errors
            on_progress(start + len(locks), len(wanted))
            if handler.is_live and outcome.changes:
                time.sleep(HOLD)
    return Outcome(tuple(done.values()), tuple(errors))


def _fenced(plan: Plan[VmRef], locks: dict[VmRef, Lock]) -> Plan[VmRef]:
    """Return *plan* whose every transaction fails once the lock of its VM is lost."""

    def fenced(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        steps = plan(handler, vms)
        for step in steps:
            if step.transaction.ops:
                step.transaction.fence(locks[step.item])
        return steps

    return fenced
