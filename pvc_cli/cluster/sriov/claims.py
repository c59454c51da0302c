"""Claim a VF for a VM, and release it. Of several claims at once, exactly one succeeds."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.cluster.sriov.model import PCI_KEYS, Pci, VfRef, text_of
from pvc_cli.cluster.sriov.sharing import InUseError, guard_sharers, judge_others, others_than, refuse_sharing
from pvc_cli.cluster.sriov.users import (
    ClaimType,
    Crowd,
    Guard,
    Use,
    User,
    make_users,
    read_arrived,
    read_crowd,
    user_keys,
)
from pvc_cli.cluster.values import parse_bool
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError, quoted
from pvc_cli.zk import Change, Key, Transaction, ZKHandler, Znode

Write = tuple[Key, Znode | None, str]
"""A key, its znode as it was found, and its new value."""
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_USAGE_KEYS = ("sriov_vf", "sriov_vf.used", "sriov_vf.used_by", "sriov_vf.mac", "sriov_vf.phy_mac", *PCI_KEYS)


class How(NamedTuple):
    """How a VM uses a VF, where its XML does not tell."""

    mac: str = ""
    """The address of the VM's interface, in lower case; empty is that in the XML."""
    kind: ClaimType | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Who uses a VF, as it was read."""

    vf: VfRef
    own: Znode | None
    used_znode: Znode | None
    used_by: Znode | None
    mac: Znode | None
    phy_mac: Znode | None
    address: tuple[Znode | None, ...]

    @classmethod
    def of(cls, vf: VfRef, znodes: Iterable[Znode | None]) -> "Usage":
        """Return that of *vf*, from the znodes of its :func:`usage_keys`."""
        own, used, used_by, mac, phy_mac, *address = znodes
        return cls(vf, own, used, used_by, mac, phy_mac, tuple(address))

    @property
    def used(self) -> bool:
        """Whether it is marked used."""
        return bool(parse_bool(text_of(self.used_znode)))

    @property
    def holder(self) -> str:
        """The UUID of the VM that is recorded as its user, or empty."""
        return text_of(self.used_by)

    @property
    def pci(self) -> str:
        """Its PCI address, or empty: a VM's XML may have that in place of its name."""
        return str(Pci(*map(text_of, self.address)))

    def plan_claim(
        self,
        handler: ZKHandler,
        vm: VmRef,
        use: Use,
        guards: Sequence[Guard],
        more: Sequence[Write] = (),
        turn: Key | None = None,
    ) -> Transaction:
        """Return what claims it for *vm*, together with *more*: see :func:`method_write`.

        :param turn: one of *more* that is written even if it has its value: see :meth:`Transaction.touch`.
        """
        mac = use.mac or text_of(self.mac if self.used else self.phy_mac)
        return self._plan(handler, more, ("True", vm.uuid, mac), guards, turn)

    def plan_release(self, handler: ZKHandler, guards: Sequence[Guard]) -> Transaction:
        """Return what releases it."""
        return self._plan(handler, [], ("False", "", text_of(self.phy_mac)), guards, None)

    def _plan(
        self,
        handler: ZKHandler,
        more: Sequence[Write],
        values: tuple[str, str, str],
        guards: Sequence[Guard],
        turn: Key | None,
    ) -> Transaction:
        """Return what sets its three keys and what *more* there is, unless any of that or of *guards* changed."""
        transaction = handler.transaction()
        _, *keys = usage_keys(self.vf)
        own = zip(keys, (self.used_znode, self.used_by, self.mac), values)  # noqa: B905 - the others stay
        steady = [(key, znode) for key, znode, value in (*more, *own) if not transaction.ensure(key, znode, value)]
        if transaction.changes:
            at = zip(keys[-len(self.address) :], self.address, strict=True)
            for key, znode in (*steady, *at, *guards):
                (transaction.touch if key == turn else transaction.guard)(key, znode)
        return transaction


@dataclass(frozen=True, slots=True)
class Claim:
    """What claims a VF for a VM, with what it was decided on."""

    transaction: Transaction
    usage: Usage
    vm: User
    others: Crowd
    """The VMs that were looked at: none of them is affected."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What it changes; nothing if the VM has the VF already."""
        return self.transaction.changes

    @property
    def caveat(self) -> str:
        """Why it is not what the VM has, as far as that can be told; else nothing."""
        vf, vm = self.usage.vf, self.vm
        if vm.node != vf.node:
            return f"VM {vm.ref.name} is on node {quoted(vm.node)}, not on {vf.node}"
        if vm.readable and not vm.use_of(vf.phy, "") and not any(use.pci for use in vm.uses):
            return (
                f"the XML of {vm.ref.name} does not use {vf.phy} yet: until it does, 'pvc sriov vf audit' finds it"
                " stale"
            )
        return ""

    def commit(self) -> None:
        """Carry it out.

        :raises ConflictError: if something that it was decided on has changed.
        """
        self.transaction.commit()

    def confirm(self, handler: ZKHandler) -> None:
        """Take it back, now that it is committed, if a VM came to the node meanwhile that has the VF in its XML.

        No znode tells which VMs are on a node: that they come cannot be guarded against.

        :raises RefusedError: if it was taken back.
        :raises ConflictError: if it could not be taken back.
        """
        if not self.changes:
            return
        arrived = others_than(read_arrived(handler, self.others), self.vm.ref.uuid)
        try:
            refuse_sharing(arrived, self.usage.vf, self.usage.pci)
        except RefusedError as error:
            try:
                self.transaction.inverse().commit()
            except ConflictError:
                see = f"see 'pvc sriov vf audit {self.usage.vf.node}'"
                raise ConflictError(f"{error}; what was claimed could not be released again: {see}") from None
            raise


def method_write(vm: VmRef, use: Use, method: Znode | None) -> list[Write]:
    """Return what is written besides a claim: a VM with a device that is passed through cannot migrate live.

    :param method: the VM's migration method as it was found.
    """
    return [(("domain.meta.migrate_method", vm.uuid), method, "shutdown")] if use.type == "hostdev" else []


def usage_keys(vf: VfRef) -> list[Key]:
    """Return the keys of a VF whose znodes make its :class:`Usage`."""
    return [("node.sriov.vf", vf.node, key, vf.phy) for key in _USAGE_KEYS]


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
        return plan_claim(handler, usage, own, how, crowd, guards)

    if dry_run:
        return plan()
    done = handler.retrying(plan)
    if not force:
        done.confirm(handler)
    return done


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
    crowd: Crowd,
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
    return Claim(transaction, usage, own, crowd)


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


def read_usage(handler: ZKHandler, vf: VfRef, more: Sequence[Key] = ()) -> tuple[Usage, list[Znode | None]]:
    """Return who uses a VF, and the znodes of *more* keys, in one batch.

    :raises NotFoundError: if it is gone.
    """
    keys = usage_keys(vf)
    found = handler.get_znodes([*keys, *more])
    usage = Usage.of(vf, found[: len(keys)])
    if usage.own is None:
        raise vf.gone()
    return usage, found[len(keys) :]


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
