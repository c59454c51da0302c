"""Claim any VF of a node that is free and fits. Of several claims at once, each gets another one."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pvc_cli.cluster.sriov.agents import read_agents
from pvc_cli.cluster.sriov.claims import How, InUseError, plan_claim, usage_keys
from pvc_cli.cluster.sriov.model import Vf, VfRef, find_pf, list_vfs, parse_setting, text_of
from pvc_cli.cluster.sriov.users import Guard, User, read_users
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import ConflictError, RefusedError
from pvc_cli.zk import Key, Transaction, ZKHandler
from pvc_cli.zk.execute import ATTEMPTS
from pvc_cli.zk.store import CommitConflictError

_ATTEMPTS = 100
"""How often to begin anew where others are faster, each time with one of those that are left."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a VF must be: on this node, of this PF if one is given, with trust on if that is asked for."""

    node: str
    pf: str | None = None
    trust: bool = False


def claim_any(
    handler: ZKHandler, wish: Wish, vm: VmRef, how: How | None = None, *, dry_run: bool = False
) -> tuple[VfRef, Transaction]:
    """Assign a VF to *vm* that nobody has claimed, and no VM of the node has in its XML.

    It is in sync, where an agent reports that. One that *vm* has claimed already is kept, and one that is in its XML
    comes first.

    :param how: how the VM uses the VF, where its XML does not tell.
    :returns: the VF, and the transaction, committed unless it is a dry run; without changes if *vm* has it already.
    :raises NotFoundError: if there is no such node or PF, or the VM is gone.
    :raises RefusedError: if no VF is free and fits, or that cannot be told.
    :raises ConflictError: if others were faster every time.
    """
    if wish.pf is not None:
        find_pf(handler, wish.node, wish.pf)
    elsewhere = 0
    for attempt in range(_ATTEMPTS):
        free = _find(handler, wish, vm)
        # At first the one that a person would take; whoever comes too late takes another than others do.
        vf = free[0] if attempt == 0 or free[0].used else random.choice(free)  # noqa: S311 - only to be elsewhere
        ref = VfRef(vf.node, vf.phy)
        try:
            transaction = plan_claim(handler, ref, vm, how or How(), _guards(handler, wish, ref))
            if not dry_run:
                transaction.commit()
        except InUseError:
            continue
        except CommitConflictError as error:
            # Where others changed something else, to take another VF does not help.
            elsewhere += error.op.path not in handler.schema.paths(usage_keys(ref))
            if elsewhere == ATTEMPTS:
                raise
            continue
        return ref, transaction
    raise ConflictError(
        f"gave up after {_ATTEMPTS} attempts: others claimed each VF of node {wish.node} first; retry"
    )


def _guards(handler: ZKHandler, wish: Wish, vf: VfRef) -> list[Guard]:
    """Return what must still be so when *vf* is claimed.

    :raises InUseError: if it is no longer so.
    """
    if not wish.trust:
        return []
    key: Key = ("node.sriov.vf", vf.node, "sriov_vf.config.trust", vf.phy)
    (znode,) = handler.get_znodes([key])
    if not parse_setting("trust", text_of(znode)):
        raise InUseError(f"{vf} has no trust any more")
    return [(key, znode)]


def _find(handler: ZKHandler, wish: Wish, vm: VmRef) -> Sequence[Vf]:
    """Return the VFs that *vm* may claim, the best first.

    :raises RefusedError: if there is none.
    """
    vfs = list_vfs(handler, wish.node, wish.pf)
    users = read_users(handler, wish.node)
    reports = read_agents(handler, [wish.node])[wish.node]
    own: list[Vf] = []
    free: list[Vf] = []
    why: Counter[str] = Counter()
    for vf in vfs:
        mine = vf.used and vf.used_by == vm.uuid
        holders = {user.ref.uuid for user in users if _has(user, vf)}
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
    _require_readable(users, found[0], vm)
    return found


def _require_readable(users: Sequence[User], vf: Vf, vm: VmRef) -> None:
    """Check that the XML of each VM that may have a VF of this node tells which.

    :raises RefusedError: if one does not.
    """
    for user in users:
        if user.ref.uuid != vm.uuid and user.may_hold(VfRef(vf.node, vf.phy)) and not (user.readable or user.is_idle):
            raise RefusedError(
                f"cannot tell whether a VF of node {vf.node} is free: the XML of VM {user.ref.name}, which is in"
                f" state {user.state} there, is unreadable: repair it, or claim a VF by name"
            )


def _has(user: User, vf: Vf) -> bool:
    return (vf.node in user.nodes or "" in user.nodes) and user.use_of(vf.phy, str(vf.pci)) is not None
