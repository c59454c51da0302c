"""Who uses a VF: claim it for a VM, release it, so that of all who try at once exactly one succeeds."""

from __future__ import annotations

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
"""A key, and what was found there: what is decided on that must still be so when the decision is written."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a VM's XML says that it uses a VF; *mac* may be empty."""

    type: ClaimType
    vf: str
    mac: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the tree says of a VF's use, as it was read, and what would change it."""

    vf: VfRef
    own: Znode | None
    used_znode: Znode | None
    used_by: Znode | None
    mac: Znode | None
    phy_mac: Znode | None

    @property
    def used(self) -> bool:
        """Whether anybody uses it."""
        return bool(parse_bool(text_of(self.used_znode)))

    @property
    def holder(self) -> str:
        """The UUID of whoever is said to use it; empty if nobody is named."""
        return text_of(self.used_by)

    def require(self) -> None:
        """Raise NotFoundError if the VF is gone."""
        if self.own is None:
            raise self.vf.gone()

    def claiming(
        self, handler: ZKHandler, vm: VmRef, use: Use, method: Znode | None, guards: Sequence[Guard]
    ) -> Transaction:
        """Return what notes that *vm* uses it; *method* is the VM's migration method as it was found."""
        known = text_of(self.mac if self.used else self.phy_mac)
        wanted = [
            (("domain.meta.migrate_method", vm.uuid), method, "shutdown"),
            *self._wanted("True", vm.uuid, use.mac or known),
        ]
        return self._plan(handler, wanted if use.type == "hostdev" else wanted[1:], guards)

    def releasing(self, handler: ZKHandler, guards: Sequence[Guard]) -> Transaction:
        """Return what notes that nobody uses it."""
        return self._plan(handler, self._wanted("False", "", text_of(self.phy_mac)), guards)

    def _wanted(self, used: str, used_by: str, mac: str) -> list[tuple[Key, Znode | None, str]]:
        found = (("used", self.used_znode, used), ("used_by", self.used_by, used_by), ("mac", self.mac, mac))
        at = ("node.sriov.vf", self.vf.node)
        return [((*at, f"sriov_vf.{name}", self.vf.phy), znode, value) for name, znode, value in found]

    @staticmethod
    def _plan(
        handler: ZKHandler, wanted: Sequence[tuple[Key, Znode | None, str]], guards: Sequence[Guard]
    ) -> Transaction:
        """Return what makes all that is *wanted* so, only if nothing of it changed, nor any of the *guards*."""
        transaction = handler.transaction()
        steady = [(key, found) for key, found, value in wanted if not transaction.ensure(key, found, value)]
        if transaction.ops:
            for key, found in (*steady, *guards):
                transaction.guard(key, found)
        return transaction


def usage_keys(vf: VfRef) -> list[Key]:
    """Return the keys of a VF whose znodes make its :class:`Usage`."""
    return [("node.sriov.vf", vf.node, key, vf.phy) for key in _USAGE_KEYS]


def uses(interfaces: Sequence[hardware.Interface]) -> list[Use]:
    """Return which devices of its node a VM uses by itself; one of type ``direct`` need not be a VF."""
    return [Use(kind, nic.source, nic.mac) for nic in interfaces for kind in CLAIM_TYPES if nic.type == kind]


def check_mac(mac: str) -> str:
    """Return *mac* in lower case if it can be a VM interface's address.

    :raises InvalidInputError: if it cannot.
    """
    address = mac.lower()
    if not _MAC.fullmatch(address) or address == "00:00:00:00:00:00" or int(address[:2], 16) & 1:
        raise InvalidInputError(f"{quoted(mac)} is no address of an interface: give one like 52:54:00:12:34:56")
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
    """Note that *vm* uses *vf*, in one transaction; what is already so is not written.

    A VM that uses a VF as ``hostdev`` cannot be migrated live, so that its migration method becomes ``shutdown``.

    :param mac: the address of the VM's interface; what the VM's XML says, if not given.
    :param kind: how the VM uses it; what the VM's XML says, else ``direct``, if not given.
    :returns: the transaction, committed unless it is a dry run; without changes if all is so already.
    :raises InvalidInputError: if *mac* is none.
    :raises NotFoundError: if the VF or the VM is gone.
    :raises RefusedError: if the VF is used already, or *kind* contradicts the XML.
    :raises ConflictError: if others kept changing the same things.
    """
    wanted_mac = check_mac(mac) if mac is not None else None

    def plan() -> Transaction:
        *found, domain, xml, method = handler.look_many(
            [*usage_keys(vf), *((key, vm.uuid) for key in ("domain", "domain.xml", "domain.meta.migrate_method"))]
        )
        usage = Usage(vf, *found)
        usage.require()
        if domain is None:
            raise NotFoundError(f"VM {vm.name} is gone: see 'pvc vm list'")
        if usage.used and usage.holder != vm.uuid:
            raise RefusedError(
                f"{vf} is used by {_call(handler, usage.holder)}:"
                f" choose another with 'pvc sriov vf list {vf.node} --unused'"
            )
        use = _use(xml, vf.phy)
        if use and kind and use.type != kind:
            raise RefusedError(
                f"the XML of VM {vm.name} uses {vf.phy} as {use.type}, not as {kind}: leave out --type"
            )
        use = Use(use.type if use else kind or "direct", vf.phy, wanted_mac or (use.mac if use else ""))
        return usage.claiming(
            handler, vm, use, method, [(("domain", vm.uuid), domain), (("domain.xml", vm.uuid), xml)]
        )

    return plan() if dry_run else handler.retrying(plan)


def release(handler: ZKHandler, vf: VfRef, *, force: bool = False, dry_run: bool = False) -> Transaction:
    """Note that nobody uses *vf*, in one transaction; what is already so is not written.

    The migration method of a VM that used it as ``hostdev`` stays: what it was before is not known.

    :param force: do so even though a running VM has it.
    :returns: the transaction, committed unless it is a dry run; without changes if all is so already.
    :raises NotFoundError: if the VF is gone.
    :raises RefusedError: if the VM that uses it runs on the node, and its XML names the VF.
    :raises ConflictError: if others kept changing the same things.
    """

    def plan() -> Transaction:
        usage = Usage(vf, *handler.look_many(usage_keys(vf)))
        usage.require()
        return usage.releasing(handler, _allowed(handler, vf, usage.holder) if usage.holder and not force else [])

    return plan() if dry_run else handler.retrying(plan)


def _allowed(handler: ZKHandler, vf: VfRef, holder: str) -> list[Guard]:
    """Return what allows the release of a VF, to be guarded, or refuse it under a running VM."""
    keys: list[Key] = [(key, holder) for key in ("domain.xml", "domain.state", "domain.node")]
    xml, state, node = found = handler.look_many(keys)
    if _use(xml, vf.phy) and text_of(state) not in IDLE_STATES and text_of(node) == vf.node:
        raise RefusedError(
            f"{vf} is used by {_call(handler, holder)}, which has it in its XML and is in"
            f" state {text_of(state)} there: stop the VM first, or release it nevertheless with --force"
        )
    return list(zip(keys, found, strict=True))


def _call(handler: ZKHandler, uuid: str | None) -> str:
    """Return what people call the VM with this UUID."""
    if not uuid:
        return "an unknown VM (see 'pvc sriov vf audit')"
    name = handler.read(("domain", uuid))
    return f"VM {name} ({uuid})" if name else f"{uuid}, which is no VM (see 'pvc sriov vf audit')"


def _use(xml: Znode | None, vf: str) -> Use | None:
    """Return how *xml* uses a VF, if it does, and can be read."""
    try:
        interfaces = hardware.parse(text_of(xml)).networks
    except hardware.BrokenXmlError:
        return None
    return next((use for use in uses(interfaces) if use.vf == vf), None)
