"""Claim a VF for a VM, and release it. Of several claims at once, exactly one succeeds."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pvc_cli.cluster.sriov.model import PCI_KEYS, Pci, VfRef, text_of
from pvc_cli.cluster.sriov.users import ClaimType, Guard, Use, User, make_users, read_users, user_keys
from pvc_cli.cluster.values import parse_bool
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import InvalidInputError, NotFoundError, RefusedError, quoted
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode

Write = tuple[Key, Znode | None, str]
"""A key, its znode as it was found, and its new value."""
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_USAGE_KEYS = ("sriov_vf", "sriov_vf.used", "sriov_vf.used_by", "sriov_vf.mac", "sriov_vf.phy_mac")


class InUseError(RefusedError):
    """A VF is used by another VM."""


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

    @property
    def used(self) -> bool:
        """Whether it is marked used."""
        return bool(parse_bool(text_of(self.used_znode)))

    @property
    def holder(self) -> str:
        """The UUID of the VM that is recorded as its user, or empty."""
        return text_of(self.used_by)

    def plan_claim(
        self, handler: ZKHandler, vm: VmRef, use: Use, guards: Sequence[Guard], more: Sequence[Write] = ()
    ) -> Transaction:
        """Return what claims it for *vm*, together with *more*: see :func:`method_write`."""
        mac = use.mac or text_of(self.mac if self.used else self.phy_mac)
        return self._plan(handler, more, ("True", vm.uuid, mac), guards)

    def plan_release(self, handler: ZKHandler, guards: Sequence[Guard]) -> Transaction:
        """Return what releases it."""
        return self._plan(handler, [], ("False", "", text_of(self.phy_mac)), guards)

    def _plan(
        self,
        handler: ZKHandler,
        more: Sequence[Write],
        values: tuple[str, str, str],
        guards: Sequence[Guard],
    ) -> Transaction:
        """Return what sets its three keys and what *more* there is, unless any of that or of *guards* changed."""
        transaction = handler.transaction()
        _, *keys, _ = usage_keys(self.vf)
        own = zip(keys, (self.used_znode, self.used_by, self.mac), values, strict=True)
        steady = [(key, znode) for key, znode, value in (*more, *own) if not transaction.ensure(key, znode, value)]
        if transaction.changes:
            for key, znode in (*steady, *guards):
                transaction.guard(key, znode)
        return transaction


def method_write(vm: VmRef, use: Use, method: Znode | None) -> list[Write]:
    """Return what is written besides a claim: a VM with a device that is passed through cannot migrate live.

    :param method: the VM's migration method as it was found.
    """
    return [(("domain.meta.migrate_method", vm.uuid), method, "shutdown")] if use.type == "hostdev" else []


def usage_keys(vf: VfRef) -> list[Key]:
    """Return the keys of a VF whose znodes make its :class:`Usage`."""
    return [("node.sriov.vf", vf.node, key, vf.phy) for key in _USAGE_KEYS]


def not_used_yet(handler: ZKHandler, vf: VfRef, vm: VmRef) -> str:
    """Return why a claim of *vf* for *vm* is not what the VM has, as far as that can be told; else nothing."""
    for user in make_users([vm.uuid], handler.get_znodes(user_keys(vm.uuid))):
        if user.node != vf.node:
            return f"VM {vm.name} is on node {quoted(user.node)}, not on {vf.node}"
        if user.readable and not user.use_of(vf.phy, "") and not any(use.pci for use in user.uses):
            return (
                f"the XML of {vm.name} does not use {vf.phy} yet: until it does, 'pvc sriov vf audit' finds it stale"
            )
    return ""


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
) -> Transaction:
    """Assign *vf* to *vm*, in one transaction that writes only what differs.

    A VM that uses a VF as ``hostdev`` cannot be migrated live, so that its migration method becomes ``shutdown``.

    :param mac: the address of the VM's interface; by default that in the VM's XML.
    :param kind: how the VM uses it; by default as in the VM's XML, else ``direct``.
    :param force: claim it although another VM uses it without a claim, or that cannot be told.
    :returns: the transaction, committed unless it is a dry run; without changes if nothing differs.
    :raises InvalidInputError: if *mac* is invalid.
    :raises NotFoundError: if the VF or the VM is gone.
    :raises RefusedError: if the VF is or may be in use, or *kind* contradicts the XML.
    :raises ConflictError: if others kept changing the same things.
    """
    how = How(check_mac(mac) if mac is not None else "", kind)

    def plan() -> Transaction:
        return plan_claim(handler, vf, vm, how, force=force)

    return plan() if dry_run else handler.retrying(plan)


def plan_claim(
    handler: ZKHandler, vf: VfRef, vm: VmRef, how: How, guards: Sequence[Guard] = (), *, force: bool = False
) -> Transaction:
    """Return what claims *vf* for *vm*, once: see :func:`claim`, which says what it raises.

    :param guards: what else must not change meanwhile.
    """
    usage, pci, own = _read(handler, vf, user_keys(vm.uuid))
    users = make_users([vm.uuid], own)
    if not users:
        raise NotFoundError(f"VM {vm.name} is gone: see 'pvc vm list'")
    (user,) = users
    if usage.used and usage.holder != vm.uuid:
        raise InUseError(
            f"{vf} is in use by {_describe(handler, usage.holder)}:"
            f" choose another with 'pvc sriov vf list {vf.node} --unused'"
        )
    others = [] if force else allow_claim(read_users(handler, vf.node), vf, pci, vm)
    found = user.use_of(vf.phy, pci)
    if found and how.kind and found.type != how.kind:
        raise RefusedError(f"the XML of VM {vm.name} uses {vf.phy} as {found.type}, not as {how.kind}: omit --type")
    use = found or Use(how.kind or "direct", vf.phy, "")
    use = Use(use.type, vf.phy, how.mac or use.mac)
    more = method_write(vm, use, user.method)
    return usage.plan_claim(handler, vm, use, [*user.guards[:2], *others, *guards], more)


def allow_claim(users: Iterable[User], vf: VfRef, pci: str, vm: VmRef) -> list[Guard]:
    """Return what allows *vm* to claim a VF, to be guarded: PVC claims none when it defines a VM.

    :param users: the VMs that are on its node or come from there.
    :raises RefusedError: if one of them uses it, or that cannot be told.
    """
    instead = f"choose another with 'pvc sriov vf list {vf.node} --unused', or override with --force"
    guards: list[Guard] = []
    for user in users:
        if user.ref.uuid == vm.uuid or not (user.may_hold(vf) or user.is_idle):
            continue
        if user.use_of(vf.phy, pci):
            if not user.is_idle:
                raise InUseError(
                    f"{vf} is in use by VM {user.ref.name} ({user.ref.uuid}), which has it in its XML without a"
                    f" claim and is in state {user.state}: {instead}"
                )
            guards += user.guards
        elif not (user.readable or user.is_idle):
            raise RefusedError(
                f"cannot tell whether {vf} is free: the XML of VM {user.ref.name}, which is in state {user.state}"
                f" there, is unreadable: {instead}"
            )
    return guards


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
        usage, pci, _ = _read(handler, vf)
        allowed = _allow_release(handler, vf, pci, usage.holder) if usage.holder and not force else []
        return usage.plan_release(handler, allowed)

    return plan() if dry_run else handler.retrying(plan)


def _read(handler: ZKHandler, vf: VfRef, more: Sequence[Key] = ()) -> tuple[Usage, str, list[Znode | None]]:
    """Return who uses a VF, its PCI address, and the znodes of *more* keys, in one batch."""
    keys = usage_keys(vf)
    pci_keys: list[Key] = [("node.sriov.vf", vf.node, key, vf.phy) for key in PCI_KEYS]
    found = handler.get_znodes([*keys, *pci_keys, *more])
    own, pci = found[: len(keys)], found[len(keys) : len(keys) + len(pci_keys)]
    if own[0] is None:
        raise vf.gone()
    return Usage(vf, *own), str(Pci(*map(text_of, pci))), found[len(keys) + len(pci_keys) :]


def _allow_release(handler: ZKHandler, vf: VfRef, pci: str, holder: str) -> list[Guard]:
    """Return what allows the release of a VF, to be guarded, or refuse it under a VM that may use it."""
    users = make_users([holder], handler.get_znodes(user_keys(holder)))
    if not users:
        return []
    (user,) = users
    why = (
        f"which has it in its XML and is in state {user.state}"
        if user.use_of(vf.phy, pci)
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
