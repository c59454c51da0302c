"""Do what a plan says that was made earlier: exactly that, where all is as it was then."""

from collections.abc import Sequence
from dataclasses import dataclass

from pvc_cli.cluster.controls import Control, OnProgress, Outcome, control, refuse, unheard
from pvc_cli.cluster.naming import label_of
from pvc_cli.cluster.sriov.planned_claims import judge_claims
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.cluster.vms.state_lock import control_vms
from pvc_cli.errors import ConfigError, ConflictError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.places import locate
from pvc_cli.zk.store import OnWait
from pvc_cli.zk.undo import read_written
from pvc_cli.zk.written import Seen, WrittenPart, is_done, judge, steps_on

_UNDER_LOCK = ("domain.state", "domain.node", "domain.last_node")
"""What PVC's daemons change under the lock on a VM's state."""
_THERE = Seen(b"", 0, 0)
"""What stands for a state that a plan was not decided on."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedItem:
    """One thing that a plan changes; it shows as its name."""

    part: WrittenPart

    def __str__(self) -> str:
        """Return its name."""
        return self.part.name


def plan_written(handler: ZKHandler, items: Sequence[PlannedItem]) -> list[Control[PlannedItem]]:
    """Plan what *items* say; what is no longer as it was planned on is refused. All is read in one batch.

    Which VMs are on a node is in no znode: for claims of VFs, they are read again.

    :raises ConfigError: if one has a path that is not PVC's.
    """
    now = read_written(handler.store, [path for item in items for path in item.part.base])
    values = [{path: data for path, data in item.part.outcome.items() if data is not None} for item in items]
    claims = judge_claims(handler, values, [item.part.base for item in items])
    controls = []
    for item, claimed in zip(items, claims, strict=True):
        changed = judge(item.part, now)
        if is_done(item.part, now):
            controls.append(Control(item, handler.transaction(), "unchanged", "already as planned"))
        elif changed is not None:
            what = label_of(handler, changed)
            controls.append(refuse(handler, item, f"{what} changed since this was planned: plan again"))
        elif claimed.why:
            why = claimed.why.advise("stop or move that VM, then apply the plan again")
            controls.append(refuse(handler, item, f"since this was planned, a VM came to the node: {why}"))
        else:
            transaction = handler.transaction()
            transaction.ops += steps_on(item.part, now)
            claimed.guard(transaction)
            controls.append(Control(item, transaction, "changed", "done as planned"))
    return controls


def check_written(handler: ZKHandler, items: Sequence[PlannedItem]) -> None:
    """Check that a plan changes only keys of PVC's schema: no schema version, and no place in a lock's queue.

    :raises ConfigError: if it does not.
    """
    version = handler.schema.path("base.schema.version")
    for item in items:
        for path in item.part.outcome:
            if path == version or is_contender(path) or not locate(handler.schema, path).words:
                raise ConfigError(f"the plan changes {path}, which no plan may")


def judge_all(handler: ZKHandler, items: Sequence[PlannedItem]) -> Outcome[PlannedItem]:
    """Return what would become of *items*; if one is refused, nothing is to be done."""
    controls = plan_written(handler, items)
    if not any(one.status == "refused" for one in controls):
        return Outcome(tuple(controls))
    held = "the whole plan is refused"
    return Outcome(
        tuple(
            Control(one.item, handler.transaction(), "unchanged", held) if one.status == "changed" else one
            for one in controls
        ),
        (_outdated(),),
    )


def carry_out_written(
    handler: ZKHandler, items: Sequence[PlannedItem], *, on_progress: OnProgress = unheard, on_wait: OnWait = None
) -> Outcome[PlannedItem]:
    """Do what *items* say, having judged them: VMs' states under their locks.

    What others change meanwhile is refused by name, and the rest is done.
    """
    vms = {vm: item for item in items if (vm := _state_of(handler, item))}
    taken = set(vms.values())
    rest = [item for item in items if item not in taken]
    others = control(handler, rest, plan_written, on_progress=on_progress)

    def plan_vms(handler: ZKHandler, some: Sequence[VmRef]) -> list[Control[VmRef]]:
        steps = plan_written(handler, [vms[vm] for vm in some])
        return [Control(vm, step.transaction, step.status, step.detail) for vm, step in zip(some, steps, strict=True)]

    locked = control_vms(handler, list(vms), plan_vms, on_progress=on_progress, on_wait=on_wait)
    named = [Control(vms[one.item], one.transaction, one.status, one.detail) for one in locked.controls]
    errors = (*others.errors, *locked.errors)
    controls = (*others.controls, *named)
    if any(one.status == "refused" for one in controls):
        errors = (*errors, _outdated())
    return Outcome(controls, errors)


def _state_of(handler: ZKHandler, item: PlannedItem) -> VmRef | None:
    """Return the VM whose state an item changes, if it does: one that it creates or deletes has no lock to hold.

    A state that somebody holds the lock on is not deleted: the servers refuse that.
    """
    base, outcome = item.part.base, item.part.outcome
    for path in outcome:
        place = locate(handler.schema, path)
        if place.words[:1] and place.words[0] in _UNDER_LOCK and len(place.words) == 2:
            state = handler.schema.path(("domain.state", place.item)) or ""
            stays = base.get(state, _THERE) is not None and outcome.get(state, b"") is not None
            return VmRef(place.item, item.part.name) if stays else None
    return None


def _outdated() -> ConflictError:
    return ConflictError("something changed since this was planned: plan again")
