"""Claim any VF of a node that is free and fits. Of several claims at once, each gets another one."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pvc_cli.cluster.sriov.agents import read_agents
from pvc_cli.cluster.sriov.arrivals import Arrivals
from pvc_cli.cluster.sriov.claims import Claim, How, own_of, plan_claim
from pvc_cli.cluster.sriov.model import Vf, VfRef, find_pf, list_vfs, parse_setting, text_of
from pvc_cli.cluster.sriov.sharing import InUseError, UnreadableError, judge_others, others_than
from pvc_cli.cluster.sriov.usage import read_usage, usage_keys
from pvc_cli.cluster.sriov.users import Crowd, Guard, User, read_crowd, user_keys
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import ConflictError, RefusedError
from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.execute import ATTEMPTS
from pvc_cli.zk.store import CommitConflictError

_ATTEMPTS = 100
"""How often to begin anew where others are faster, each time with one of those that are left."""
_UNREADABLE = "repair it, or claim a VF by name with --force"
"""What to do where a VM's XML is unreadable, so that each VF of its node may be in it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a VF must be: on this node, of this PF if one is given, with trust on if that is asked for."""

    node: str
    pf: str | None = None
    trust: bool = False


def claim_any(handler: ZKHandler, wish: Wish, vm: VmRef, how: How | None = None, *, dry_run: bool = False) -> Claim:
    """Assign a VF to *vm* that nobody has claimed, and no VM of the node has in its XML.

    It is in sync, where an agent reports that. One that *vm* has claimed already is kept, and one that is in its XML
    comes first.

    :param how: how the VM uses the VF, where its XML does not tell.
    :returns: the claim, committed unless it is a dry run; without changes if *vm* has the VF already.
    :raises NotFoundError: if there is no such node or PF, or the VM is gone.
    :raises RefusedError: if no VF is free and fits, or that cannot be told.
    :raises ConflictError: if others were faster every time.
    """
    if wish.pf is not None:
        find_pf(handler, wish.node, wish.pf)
    elsewhere = 0
    for attempt in range(_ATTEMPTS):
        # The VM first: whoever claims for it once it is read, changes it.
        own = own_of(vm, handler.get_znodes(user_keys(vm.uuid)))
        crowd = read_crowd(handler, wish.node)
        free = _find(handler, wish, vm, crowd)
        # At first the one that a person would take; whoever comes too late takes another than others do.
        vf = free[0] if attempt == 0 or free[0].used else random.choice(free)  # noqa: S311 - only to be elsewhere
        ref = VfRef(vf.node, vf.phy)
        try:
            claim = _plan(handler, wish, ref, own, how or How(), crowd)
            if not dry_run:
                claim.commit()
        except InUseError:
            continue
        except UnreadableError as error:
            raise RefusedError(error.advise("", _UNREADABLE)) from None
        except CommitConflictError as error:
            # Where others changed something else, to take another VF does not help.
            elsewhere += error.op.path not in handler.schema.paths(usage_keys(ref))
            if elsewhere == ATTEMPTS:
                raise
            continue
        return claim
    raise ConflictError(
        f"gave up after {_ATTEMPTS} attempts: others claimed each VF of node {wish.node} first; retry"
    )


def _plan(handler: ZKHandler, wish: Wish, vf: VfRef, own: User, how: How, crowd: Crowd) -> Claim:
    """Return what claims *vf* for the VM *own*, unless another claim for that VM is faster.

    :raises InUseError: if the VF is not as it was wished for any more.
    """
    trust: Key = ("node.sriov.vf", vf.node, "sriov_vf.config.trust", vf.phy)
    usage, znodes = read_usage(handler, vf, [trust] if wish.trust else [])
    if usage.used and usage.holder != own.ref.uuid:
        raise InUseError(f"{vf} is in use by {usage.holder}")
    guards: list[Guard] = [(trust, znode) for znode in znodes]
    if not all(parse_setting("trust", text_of(znode)) for znode in znodes):
        raise InUseError(f"{vf} has no trust any more")
    guards += judge_others(others_than(crowd.users, own.ref.uuid), vf, usage.pci)
    turn: Key = ("domain.meta.migrate_method", own.ref.uuid)
    claim = plan_claim(handler, usage, own, how, guards, turn=turn)
    claim.transaction.lookout = Arrivals(handler, {vf.node: crowd}, {vf: usage})
    return claim


def _find(handler: ZKHandler, wish: Wish, vm: VmRef, crowd: Crowd) -> Sequence[Vf]:
    """Return the VFs that *vm* may claim, the best first.

    :raises RefusedError: if there is none.
    """
    vfs = list_vfs(handler, wish.node, wish.pf)
    reports = read_agents(handler, [wish.node])[wish.node]
    own: list[Vf] = []
    free: list[Vf] = []
    why: Counter[str] = Counter()
    for vf in vfs:
        mine = vf.used and vf.used_by == vm.uuid
        holders = {user.ref.uuid for user in crowd.users if _has(user, vf) and not (mine and user.is_idle)}
        report = reports.vf(vf.phy)
        if (vf.used and not mine) or holders - {vm.uuid}:
            why["in use"] += 1
        elif wish.trust and not vf.config.trust:
            why["without trust"] += 1
        elif not mine and reports.report and (report is None or report.state != "in_sync"):
            why["not in sync"] += 1
        else:
            (own if mine or holders else free).append(vf)
    own.sort(key=lambda vf: not vf.used)
    if not own + free:
        of = f" of PF {wish.pf}" if wish.pf else ""
        counts = ", ".join(f"{count} {kind}" for kind, count in why.items()) or "it has none"
        raise RefusedError(
            f"node {wish.node} has no free VF{of} for VM {vm.name}: {counts}; see 'pvc sriov vf list {wish.node}'"
        )
    found = own or free
    _require_readable(crowd.users, found[0], vm)
    return found


def _require_readable(users: Sequence[User], vf: Vf, vm: VmRef) -> None:
    """Check that the XML of each VM that may have a VF of this node tells which.

    :raises RefusedError: if one does not.
    """
    for user in users:
        if user.ref.uuid != vm.uuid and user.may_hold(VfRef(vf.node, vf.phy)) and not (user.readable or user.is_idle):
            raise RefusedError(
                f"cannot tell whether a VF of node {vf.node} is free: the XML of VM {user.ref.name}, which is in"
                f" state {user.state} there, is unreadable: {_UNREADABLE}"
            )


def _has(user: User, vf: Vf) -> bool:
    return (vf.node in user.nodes or "" in user.nodes) and user.use_of(vf.phy, str(vf.pci)) is not None
