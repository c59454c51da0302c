"""Claim a VF for a VM, and release it. Of several claims at once, exactly one succeeds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.sriov.model import VfRef, text_of
from pvc_cli.cluster.values import parse_bool
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import InvalidInputError, NotFoundError, RefusedError, quoted
from pvc_cli.zk import Key, Transaction, ZKHandler, Znode

ClaimType = Literal["direct", "hostdev"]
CLAIM_TYPES: tuple[ClaimType, ...] = ("direct", "hostdev")
IDLE_STATES = ("stop", "disable", "fail", "provision", "import", "restore", "mirror")
"""The states of a VM in which it holds no device of its node."""
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_USAGE_KEYS = ("sriov_vf", "sriov_vf.used", "sriov_vf.used_by", "sriov_vf.mac", "sriov_vf.phy_mac")
Guard = tuple[Key, Znode | None]
"""A key and its znode as read: it must not have changed when the decision is written."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a VM's XML uses a VF; *mac* may be empty."""

    type: ClaimType
    vf: str
    mac: str


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
        self, handler: ZKHandler, vm: VmRef, use: Use, method: Znode | None, guards: Sequence[Guard]
    ) -> Transaction:
        """Return what claims it for *vm*; *method* is the VM's migration method as it was found."""
        mac = use.mac or text_of(self.mac if self.used else self.phy_mac)
        more = [(("domain.meta.migrate_method", vm.uuid), method, "shutdown")] if use.type == "hostdev" else []
        return self._plan(handler, more, ("True", vm.uuid, mac), guards)

    def plan_release(self, handler: ZKHandler, guards: Sequence[Guard]) -> Transaction:
        """Return what releases it."""
        return self._plan(handler, [], ("False", "", text_of(self.phy_mac)), guards)

    def _plan(
        self,
        handler: ZKHandler,
        more: Sequence[tuple[Key, Znode | None, str]],
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


def usage_keys(vf: VfRef) -> list[Key]:
    """Return the keys of a VF whose znodes make its :class:`Usage`."""
    return [("node.sriov.vf", vf.node, key, vf.phy) for key in _USAGE_KEYS]


def uses(interfaces: Sequence[hardware.Interface]) -> list[Use]:
    """Return which devices of its node a VM uses by itself; one of type ``direct`` need not be a VF."""
    return [Use(kind, nic.source, nic.mac) for nic in interfaces for kind in CLAIM_TYPES if nic.type == kind]


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
    dry_run: bool = False,
) -> Transaction:
    """Assign *vf* to *vm*, in one transaction that writes only what differs.

    A VM that uses a VF as ``hostdev`` cannot be migrated live, so that its migration method becomes ``shutdown``.

    :param mac: the address of the VM's interface; by default that in the VM's XML.
    :param kind: how the VM uses it; by default as in the VM's XML, else ``direct``.
    :returns: the transaction, committed unless it is a dry run; without changes if nothing differs.
    :raises InvalidInputError: if *mac* is invalid.
    :raises NotFoundError: if the VF or the VM is gone.
    :raises RefusedError: if the VF is in use, or *kind* contradicts the XML.
    :raises ConflictError: if others kept changing the same things.
    """
    wanted_mac = check_mac(mac) if mac is not None else ""
    vm_keys: list[Key] = [(key, vm.uuid) for key in ("domain", "domain.xml", "domain.meta.migrate_method")]

    def plan() -> Transaction:
        usage, (domain, xml, method) = _read(handler, vf, vm_keys)
        if domain is None:
            raise NotFoundError(f"VM {vm.name} is gone: see 'pvc vm list'")
        if usage.used and usage.holder != vm.uuid:
            raise RefusedError(
                f"{vf} is in use by {_describe(handler, usage.holder)}:"
                f" choose another with 'pvc sriov vf list {vf.node} --unused'"
            )
        found = _use(xml, vf.phy)
        if found and kind and found.type != kind:
            raise RefusedError(f"the XML of VM {vm.name} uses {vf.phy} as {found.type}, not as {kind}: omit --type")
        use = found or Use(kind or "direct", vf.phy, "")
        use = Use(use.type, vf.phy, wanted_mac or use.mac)
        return usage.plan_claim(handler, vm, use, method, [(vm_keys[0], domain), (vm_keys[1], xml)])

    return plan() if dry_run else handler.retrying(plan)


def release(handler: ZKHandler, vf: VfRef, *, force: bool = False, dry_run: bool = False) -> Transaction:
    """Mark *vf* unused, in one transaction that writes only what differs.

    The migration method of a VM that used it as ``hostdev`` stays: the earlier one is not recorded.

    :param force: release it even under a running VM.
    :returns: the transaction, committed unless it is a dry run; without changes if nothing differs.
    :raises NotFoundError: if the VF is gone.
    :raises RefusedError: if the VM that uses it runs on the node, and its XML names the VF.
    :raises ConflictError: if others kept changing the same things.
    """

    def plan() -> Transaction:
        usage, _ = _read(handler, vf)
        return usage.plan_release(handler, _allow(handler, vf, usage.holder) if usage.holder and not force else [])

    return plan() if dry_run else handler.retrying(plan)


def _read(handler: ZKHandler, vf: VfRef, more: Sequence[Key] = ()) -> tuple[Usage, list[Znode | None]]:
    """Return who uses a VF, and the znodes of *more* keys, in one batch."""
    own, used, used_by, mac, phy_mac, *others = handler.get_znodes([*usage_keys(vf), *more])
    if own is None:
        raise vf.gone()
    return Usage(vf, own, used, used_by, mac, phy_mac), others


def _allow(handler: ZKHandler, vf: VfRef, holder: str) -> list[Guard]:
    """Return what allows the release of a VF, to be guarded, or refuse it under a running VM."""
    keys: list[Key] = [(key, holder) for key in ("domain.xml", "domain.state", "domain.node")]
    xml, state, node = found = handler.get_znodes(keys)
    if _use(xml, vf.phy) and text_of(state) not in IDLE_STATES and text_of(node) == vf.node:
        raise RefusedError(
            f"{vf} is in use by {_describe(handler, holder)}, which has it in its XML and is in state"
            f" {text_of(state)} there: stop the VM first, or force the release with --force"
        )
    return list(zip(keys, found, strict=True))


def _describe(handler: ZKHandler, uuid: str) -> str:
    """Return what people call the VM with this UUID."""
    if not uuid:
        return "an unknown VM (see 'pvc sriov vf audit')"
    name = handler.read(("domain", uuid))
    return f"VM {name} ({uuid})" if name else f"{uuid}, which is not a VM (see 'pvc sriov vf audit')"


def _use(xml: Znode | None, vf: str) -> Use | None:
    """Return how *xml* uses a VF, if it does, and is readable."""
    try:
        interfaces = hardware.parse(text_of(xml)).networks
    except hardware.BrokenXmlError:
        return None
    return next((use for use in uses(interfaces) if use.vf == vf), None)
