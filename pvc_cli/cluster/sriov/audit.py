"""Compare who is said to use a VF with the VMs' XML and with where the VMs are, and repair what is certain."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.sriov.claims import Guard, Usage, Use, usage_keys, uses
from pvc_cli.cluster.sriov.model import VfRef, list_refs, pf_of, text_of
from pvc_cli.cluster.values import natural_key
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.zk import Transaction, ZKHandler, Znode
from pvc_cli.zk.store import CommitConflictError

Kind = Literal["stale", "unclaimed", "double", "missing", "unclear"]
_MIGRATING = ("migrate", "unmigrate")
_VM_KEYS = ("domain", "domain.xml", "domain.state", "domain.node", "domain.meta.migrate_method")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be with a VF.

    *kind* is ``stale`` (claimed for a VM that does not use it), ``unclaimed`` (used without a claim), ``double``
    (used by several VMs), ``missing`` (used, but the node has none) or ``unclear`` (nobody can tell).
    """

    node: str
    vf: str
    kind: Kind
    vms: tuple[VmRef, ...]
    detail: str
    repair: Transaction | None = None
    """What puts it right, where that is certain; guarded by all that it was concluded from."""


@dataclass(frozen=True, slots=True)
class _Vm:
    """What matters of a VM here."""

    ref: VmRef
    state: str
    node: str
    uses: tuple[Use, ...]
    readable: bool
    """Whether its XML can be read; if not, nobody knows what it uses."""
    znodes: dict[str, Znode | None]
    """By key, as they were read."""

    def use(self, vf: str) -> Use:
        """Return how it uses a VF that it uses."""
        return next(use for use in self.uses if use.vf == vf)

    def guards(self) -> list[Guard]:
        """Return what must still be so when something is written because of this VM."""
        keys = ("domain", "domain.xml", "domain.state", "domain.node")
        return [((key, self.ref.uuid), self.znodes[key]) for key in keys]


def audit(handler: ZKHandler, node: str | None = None) -> list[Finding]:
    """Return what is wrong with the VFs of one node or of all, in order, having read everything in few batches.

    :raises NotFoundError: if there is no such node.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    usages, pfs = _read_usages(handler, list_refs(handler, node))
    vms = _read_vms(handler)
    used_on: dict[VfRef, list[_Vm]] = {}
    for vm in vms.values():
        for name in dict.fromkeys(use.vf for use in vm.uses):
            used_on.setdefault(VfRef(vm.node, name), []).append(vm)
    findings = [
        finding for usage in usages if (finding := _judge(handler, usage, used_on.get(usage.vf, []), vms)) is not None
    ]
    findings += _missing({usage.vf for usage in usages}, pfs, used_on, node)
    return sorted(findings, key=lambda finding: (natural_key(finding.node), natural_key(finding.vf)))


def repair(finding: Finding) -> bool:
    """Put a finding right if that is certain and still so, and tell whether it was done.

    :raises UnreachableError: if no server answers.
    """
    if finding.repair is None:
        return False
    try:
        finding.repair.commit()
    except CommitConflictError:
        return False
    return True


def _read_usages(handler: ZKHandler, vfs: Sequence[VfRef]) -> tuple[list[Usage], set[str]]:
    """Return how each VF is used, and the names of all their PFs."""
    keys = [[*usage_keys(vf), ("node.sriov.vf", vf.node, "sriov_vf.pf", vf.phy)] for vf in vfs]
    found = iter(handler.look_many(key for one in keys for key in one))
    usages, pfs = [], set()
    for vf, one in zip(vfs, keys, strict=True):
        *znodes, pf = [next(found) for _ in one]
        usage = Usage(vf, *znodes)
        if usage.own is not None:
            usages.append(usage)
            pfs.add(text_of(pf))
    return usages, pfs - {""}


def _read_vms(handler: ZKHandler) -> dict[str, _Vm]:
    uuids = handler.children("base.domain") or []
    found = iter(handler.look_many((key, uuid) for uuid in uuids for key in _VM_KEYS))
    vms = {}
    for uuid in uuids:
        znodes = {key: next(found) for key in _VM_KEYS}
        name, xml, state, node, _ = map(text_of, znodes.values())
        if znodes["domain"] is None:
            continue
        try:
            interfaces, readable = hardware.parse(xml).networks, True
        except hardware.BrokenXmlError:
            interfaces, readable = (), False
        vms[uuid] = _Vm(VmRef(uuid, name), state, node, tuple(uses(interfaces)), readable, znodes)
    return vms


def _judge(handler: ZKHandler, usage: Usage, users: Sequence[_Vm], vms: dict[str, _Vm]) -> Finding | None:
    """Return what is wrong with one VF; *users* are the VMs on its node whose XML names it."""
    vf, holder = usage.vf, vms.get(usage.holder)
    involved = [*users, *([holder] if holder and holder not in users else [])]
    migrating = next((vm for vm in involved if vm.state in _MIGRATING), None)

    def finding(kind: Kind, concerned: Sequence[_Vm], detail: str, repair: Transaction | None = None) -> Finding:
        return Finding(vf.node, vf.phy, kind, tuple(vm.ref for vm in concerned), detail, repair)

    if len(users) > 1:
        return finding("double", users, f"{' and '.join(vm.ref.name for vm in users)} use it, and only one can")
    if (usage.used and users == [holder]) or not (users or usage.used or usage.holder):
        return None
    if migrating:
        return finding("unclear", involved, f"{migrating.ref.name} is being migrated: look again when it is done")
    if holder and not holder.readable:
        return finding("unclear", involved, f"claimed for {holder.ref.name}, whose XML cannot be read")
    guards = [guard for vm in involved for guard in vm.guards()]
    if users:
        (user,) = users
        method = user.znodes["domain.meta.migrate_method"]
        repair = usage.claiming(handler, user.ref, user.use(vf.phy), method, guards)
        return finding("unclaimed", users, f"{user.ref.name} uses it, and {_claimed(usage, holder)}", repair)
    if not usage.holder:
        return finding("unclear", [], "it is said to be used, but not by whom: release it if you know better")
    detail = _claimed(usage, holder)
    if holder:
        elsewhere = any(use.vf == vf.phy for use in holder.uses)
        detail += f", which is on node {holder.node}" if elsewhere else ", whose XML does not use it"
    return finding("stale", [holder] if holder else [], detail, usage.releasing(handler, guards))


def _claimed(usage: Usage, holder: _Vm | None) -> str:
    if not usage.holder:
        return "it is claimed for nobody knows whom" if usage.used else "it is not claimed"
    whom = holder.ref.name if holder else f"{usage.holder}, which is no VM"
    return f"it is claimed for {whom}" if usage.used else f"used_by names {whom}, though it is not used"


def _missing(
    there: Container[VfRef], pfs: Container[str], used_on: Mapping[VfRef, list[_Vm]], node: str | None
) -> list[Finding]:
    """Return the VFs that VMs use, and their nodes lack."""
    findings = []
    for vf, users in used_on.items():
        at, name = vf
        if vf in there or not at or node not in (None, at):
            continue
        # A macvtap device may stand on anything that the node has; only what is named like a VF is one.
        if pf_of(name) in pfs or any(use.vf == name and use.type == "hostdev" for vm in users for use in vm.uses):
            names = ", ".join(vm.ref.name for vm in users)
            detail = f"{names} uses it, but node {at} has no such VF"
            findings.append(Finding(at, name, "missing", tuple(vm.ref for vm in users), detail))
    return findings
