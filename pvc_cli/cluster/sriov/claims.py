"""Claim a VF for a VM, and release it. Of several claims at once, exactly one succeeds."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.cluster.sriov.arrivals import Arrivals
from pvc_cli.cluster.sriov.model import VfRef, text_of
from pvc_cli.cluster.sriov.sharing import InUseError, SharingError, guard_sharers, judge_others, others_than
from pvc_cli.cluster.sriov.usage import Usage, method_write, read_usage
from pvc_cli.cluster.sriov.users import (
    ClaimType,
    Guard,
    Use,
    User,
    make_users,
    read_crowd,
    user_keys,
)
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import InvalidInputError, NotFoundError, RefusedError, quoted
from pvc_cli.zk import Change, Key, Transaction, ZKHandler, Znode

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


class How(NamedTuple):
    """How a VM uses a VF, where its XML does not tell."""

    mac: str = ""
    """The address of the VM's interface, in lower case; empty is that in the XML."""
    kind: ClaimType | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What claims a VF for a VM, with what it was decided on."""

    transaction: Transaction
    usage: Usage
    vm: User

    @property
    def changes(self) -> tuple[Change, ...]:
        """What it changes; nothing if the VM has the VF already."""
        return self.transaction.changes

    @property
    def caveats(self) -> Iterator[str]:
        """Each reason why it is not what the VM has, as far as that can be told."""
        vf, vm = self.usage.vf, self.vm
        if vm.node != vf.node:
            yield f"VM {vm.ref.name} is on node {quoted(vm.node)}, not on {vf.node}"
        if vm.readable and not vm.use_of(vf.phy, "") and not any(use.pci for use in vm.uses):
            yield (
                f"the XML of {vm.ref.name} does not use {vf.phy} yet: until it does, 'pvc sriov vf audit' finds it"
                " stale"
            )

    def commit(self) -> None:
        """Carry it out; take it back if a VM came to the node meanwhile that has the VF in its XML.

        :raises ConflictError: if something that it was decided on has changed, or it could not be taken back.
        :raises RefusedError: if it was taken back.
        """
        self.transaction.commit()


def check_mac(mac: str) -> str:
    """Return *mac* in lower case if it can be the address of a VM's interface.

    :raises InvalidInputError: if it cannot.
    """
    address = mac.lower()
    if not _MAC.fullmatch(address) or address == "00:00:00:00:00:00" or int(address[:2], 16) & 1:
        raise InvalidInputError(f"invalid MAC address {quoted(mac)}: give one like 52:54:00:12:34:56")
    return address


def claim(
    handler: ZKHandler,
    vf: VfRef,
    vm: VmRef,
    *,
    mac: str | None = None,
    kind: ClaimType | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> Claim:
    """Assign *vf* to *vm*, in one transaction that writes only what differs.

    A VM that uses a VF as ``hostdev`` cannot be migrated live, so that its migration method becomes ``shutdown``.

    :param mac: the address of the VM's interface; by default that in the VM's XML.
    :param kind: how the VM uses it; by default as in the VM's XML, else ``direct``.
    :param force: claim it although another VM uses it without a claim, or that cannot be told.
    :returns: the claim, committed unless it is a dry run; without changes if nothing differs.
    :raises InvalidInputError: if *mac* is invalid.
    :raises NotFoundError: if the VF or the VM is gone.
    :raises RefusedError: if the VF is or may be in use, or *kind* contradicts the XML.
    :raises ConflictError: if others kept changing the same things.
    """
    how = How(check_mac(mac) if mac is not None else "", kind)
    another = f"choose another with 'pvc sriov vf list {vf.node} --unused', or override with --force"

    def plan() -> Claim:
        usage, znodes = read_usage(handler, vf, user_keys(vm.uuid))
        own = own_of(vm, znodes)
        if usage.used and usage.holder != vm.uuid:
            raise InUseError(
                f"{vf} is in use by {_describe(handler, usage.holder)}:"
                f" choose another with 'pvc sriov vf list {vf.node} --unused'"
            )
        crowd = read_crowd(handler, vf.node)
        others = others_than(crowd.users, vm.uuid)
        guards = (guard_sharers if force else judge_others)(others, vf, usage.pci)
        made = plan_claim(handler, usage, own, how, guards)
        if not force:
            made.transaction.lookout = Arrivals(handler, {vf.node: crowd}, {vf: usage}, another)
        return made

    try:
        return plan() if dry_run else handler.retrying(plan)
    except SharingError as error:
        raise RefusedError(error.advise(another, "repair it, or override with --force")) from None


def own_of(vm: VmRef, znodes: Iterable[Znode | None]) -> User:
    """Return the VM that claims a VF, from the znodes of its :func:`user_keys`.

    :raises NotFoundError: if it is gone.
    """
    for user in make_users([vm.uuid], znodes):
        return user
    raise NotFoundError(f"VM {vm.name} is gone: see 'pvc vm list'")


def plan_claim(
    handler: ZKHandler,
    usage: Usage,
    own: User,
    how: How,
    guards: Sequence[Guard],
    *,
    turn: Key | None = None,
) -> Claim:
    """Return what claims a VF for a VM, from what was read of both.

    :param guards: what else must not change meanwhile.
    :param turn: the key of the VM that is written even if it keeps its value, so that two claims for it cannot both
        succeed.
    :raises RefusedError: if the VM's XML uses the VF in another way.
    """
    vf, vm = usage.vf, own.ref
    found = own.use_of(vf.phy, usage.pci)
    if found and how.kind and found.type != how.kind:
        raise RefusedError(f"the XML of VM {vm.name} uses {vf.phy} as {found.type}, not as {how.kind}: omit --type")
    use = found or Use(how.kind or "direct", vf.phy, "")
    use = Use(use.type, vf.phy, how.mac or use.mac)
    more = method_write(vm, use, own.method)
    if turn and not more:
        more = [(turn, own.method, text_of(own.method))]
    transaction = usage.plan_claim(handler, vm, use, [*own.guards[:2], *guards], more, turn)
    return Claim(transaction, usage, own)


def release(handler: ZKHandler, vf: VfRef, *, force: bool = False, dry_run: bool = False) -> Transaction:
    """Mark *vf* unused, in one transaction that writes only what differs.

    The migration method of a VM that used it as ``hostdev`` stays: the earlier one is not recorded.

    :param force: release it even under a running VM.
    :returns: the transaction, committed unless it is a dry run; without changes if nothing differs.
    :raises NotFoundError: if the VF is gone.
    :raises RefusedError: if the VM that it is claimed for may use it: it runs on the node, or is migrating, and its
        XML has the VF, or is unreadable.
    :raises ConflictError: if others kept changing the same things.
    """

    def plan() -> Transaction:
        usage, _ = read_usage(handler, vf)
        allowed = _allow_release(handler, usage) if usage.holder and not force else []
        return usage.plan_release(handler, allowed)

    return plan() if dry_run else handler.retrying(plan)


def _allow_release(handler: ZKHandler, usage: Usage) -> list[Guard]:
    """Return what allows the release of a VF, to be guarded, or refuse it under a VM that may use it."""
    vf, holder = usage.vf, usage.holder
    users = make_users([holder], handler.get_znodes(user_keys(holder)))
    if not users:
        return []
    (user,) = users
    why = (
        f"which has it in its XML and is in state {user.state}"
        if user.use_of(vf.phy, usage.pci)
        else f"whose XML is unreadable, and which is in state {user.state}"
        if not user.readable
        else ""
    )
    if why and user.may_hold(vf):
        raise RefusedError(
            f"{vf} is in use by {_describe(handler, holder)}, {why} there: stop the VM first, or force the release"
            " with --force"
        )
    return user.guards


def _describe(handler: ZKHandler, uuid: str) -> str:
    """Return what people call the VM with this UUID."""
    if not uuid:
        return "an unknown VM (see 'pvc sriov vf audit')"
    name = handler.read(("domain", uuid))
    return f"VM {name} ({uuid})" if name else f"{uuid}, which is not a VM (see 'pvc sriov vf audit')"
