"""Change VMs under the locks that PVC takes on their states."""

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from pvc_cli.cluster.controls import Control, OnProgress, Outcome, Plan, control, fail, unheard
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import LockError, PvcError
from pvc_cli.zk import Lock, ZKHandler
from pvc_cli.zk.store import OnWait

HOLD = 0.5
"""How long, in seconds, PVC keeps a VM's lock after a change, so that every daemon sees the new state."""
_CHUNK = 200


class _Locked(NamedTuple):
    """VMs whose locks are held, and why others' are not."""

    locks: dict[VmRef, Lock]
    busy: list[VmRef]
    failed: dict[VmRef, LockError]


def control_vms(
    handler: ZKHandler,
    vms: Sequence[VmRef],
    plan: Plan[VmRef],
    *,
    preview: Plan[VmRef] | None = None,
    dry_run: bool = False,
    on_progress: OnProgress = unheard,
    on_wait: OnWait = None,
) -> Outcome[VmRef]:
    """Carry out *plan* on *vms*, each under the lock on its state, which is held for another half a second.

    What would not change is not locked. Nothing waits for a busy lock while it holds others; busy VMs come last, one
    by one. One whose lock stays busy fails; the others go on.

    :param preview: a plan like *plan*, if that remembers what it planned: it tells which VMs would change.
    :param on_wait: is told who holds a lock that has to be waited for.
    :raises ConflictError: if the schema version changed.
    :raises RefusedError: if the tree is a backup that is read-only.
    """
    first = control(handler, vms, preview or plan, dry_run=True)
    if dry_run:
        return first
    done: dict[VmRef, Control[VmRef]] = {step.item: step for step in first.controls}
    wanted = [step.item for step in first.controls if step.status == "changed"]
    if wanted:
        # Else each VM would fail for the same reason.
        handler.store.require_writable()
    errors: list[PvcError] = []
    count = 0

    def carry_out(locked: _Locked) -> None:
        nonlocal count
        for vm, error in locked.failed.items():
            # It may be gone: then there is a better reason.
            (step,) = plan(handler, [vm])
            done[vm] = fail(handler, vm, error) if step.status == "changed" else step
            errors.extend([error] if step.status == "changed" else [])
        outcome = control(handler, list(locked.locks), _fenced(plan, locked.locks))
        done.update({step.item: step for step in outcome.controls})
        errors.extend(outcome.errors)
        count += len(locked.locks) + len(locked.failed)
        on_progress(count, len(wanted))
        # What failed may have been done before it did.
        if handler.is_live and (outcome.changes or outcome.errors):
            time.sleep(HOLD)

    busy: list[VmRef] = []
    for start in range(0, len(wanted), _CHUNK):
        with ExitStack() as stack:
            locked = _lock(handler, wanted[start : start + _CHUNK], stack, on_wait)
            busy += locked.busy
            carry_out(locked)
    for vm in busy:
        with ExitStack() as stack:
            carry_out(_lock(handler, [vm], stack, on_wait, wait=True))
    return Outcome(tuple(done.values()), tuple(errors))


def _lock(
    handler: ZKHandler, vms: Iterable[VmRef], stack: ExitStack, on_wait: OnWait, *, wait: bool = False
) -> _Locked:
    """Lock the states of *vms* until *stack* is closed; with *wait*, wait for busy ones."""
    locked = _Locked({}, [], {})
    for vm in vms:
        try:
            lock = handler.exclusivelock(("domain.state", vm.uuid), on_wait)
            if wait:
                lock.acquire()
            elif lock.try_acquire():
                locked.busy.append(vm)
                continue
        except LockError as error:
            locked.failed[vm] = error
            continue
        stack.callback(lock.release)
        locked.locks[vm] = lock
    return locked


def _fenced(plan: Plan[VmRef], locks: dict[VmRef, Lock]) -> Plan[VmRef]:
    """Return *plan* whose every transaction fails once the lock of its VM is lost."""

    def fenced(handler: ZKHandler, vms: Sequence[VmRef]) -> list[Control[VmRef]]:
        steps = plan(handler, vms)
        for step in steps:
            if step.transaction.ops:
                step.transaction.fence(locks[step.item])
        return steps

    return fenced
