"""Compare the claims of VFs with the VMs' XML and the nodes that the VMs are on, and repair what is certain."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.sriov.claims import Guard, Usage, Use, usage_keys, uses
from pvc_cli.cluster.sriov.model import VfRef, list_refs, pf_of, text_of
from pvc_cli.cluster.values import natural_key
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import ConflictError
from pvc_cli.zk import Transaction, ZKHandler, Znode

Kind = Literal["stale", "unclaimed", "double", "missing", "unclear"]
_MIGRATING = ("migrate", "migrate-live", "unmigrate")
_VM_KEYS = ("domain", "domain.xml", "domain.state", "domain.node", "domain.meta.migrate_method")


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with a VF.

    *kind* is ``stale`` (claimed for a VM that does not use it), ``unclaimed`` (used without a claim), ``double``
    (used by several VMs), ``missing`` (used, but the node lacks it) or ``unclear`` (cannot be told).
    """

    node: str
    vf: str
    kind: Kind
    vms: tuple[VmRef, ...]
    detail: str
    repair: Transaction | None = None
    """The repair, if it is certain; guarded by everything that it is based on."""


@dataclass(frozen=True, slots=True)
class _Vm:
    """The part of a VM that an audit needs."""

    ref: VmRef
    state: str
    node: str
    uses: Mapping[str, Use]
    """By VF."""
    readable: bool
    """Whether its XML is readable; if not, what it uses is unknown."""
    method: Znode | None
    guards: list[Guard]
    """What must not have changed when a repair is written because of this VM."""


def audit(handler: ZKHandler, node: str | None = None) -> list[Finding]:
    """Return the problems with the VFs of one node or of all, in order, in a few batches.

    :raises NotFoundError: if there is no such node.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    usages, pfs = _read_usages(handler, list_refs(handler, node))
    vms = _read_vms(handler)
    used_on: dict[VfRef, list[_Vm]] = {}
    for vm in vms.values():
        for name in vm.uses:
            used_on.setdefault(VfRef(vm.node, name), []).append(vm)
    findings = [
        finding for usage in usages if (finding := _check(handler, usage, used_on.get(usage.vf, []), vms)) is not None
    ]
    findings += _missing({usage.vf for usage in usages}, pfs, used_on, node)
    return sorted(findings, key=lambda finding: (natural_key(finding.node), natural_key(finding.vf)))


def repair(finding: Finding) -> bool:
    """Repair a finding if that is certain and nothing has changed, and tell whether it was done.

    :raises UnreachableError: if no server answers.
    """
    if finding.repair is None:
        return False
    try:
        finding.repair.commit()
    except ConflictError:
        return False
    return True


def _read_usages(handler: ZKHandler, vfs: Sequence[VfRef]) -> tuple[list[Usage], set[str]]:
    """Return how each VF is used, and the names of all their PFs."""
    keys = [[*usage_keys(vf), ("node.sriov.vf", vf.node, "sriov_vf.pf", vf.phy)] for vf in vfs]
    found = iter(handler.get_znodes(key for one in keys for key in one))
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
    found = iter(handler.get_znodes((key, uuid) for uuid in uuids for key in _VM_KEYS))
    vms = {}
    for uuid in uuids:
        *znodes, method = [next(found) for _ in _VM_KEYS]
        name, xml, state, node = map(text_of, znodes)
        if znodes[0] is None:
            continue
        try:
            interfaces, readable = hardware.parse(xml).networks, True
        except hardware.BrokenXmlError:
            interfaces, readable = (), False
        used = {use.vf: use for use in reversed(uses(interfaces))}
        guards: list[Guard] = [((key, uuid), znode) for key, znode in zip(_VM_KEYS, znodes, strict=False)]
        vms[uuid] = _Vm(VmRef(uuid, name), state, node, used, readable, method, guards)
    return vms


def _check(handler: ZKHandler, usage: Usage, users: Sequence[_Vm], vms: dict[str, _Vm]) -> Finding | None:
    """Return the problem with one VF, if any; *users* are the VMs on its node whose XML names it."""
    vf, holder = usage.vf, vms.get(usage.holder)
    involved = [*users, *([holder] if holder and holder not in users else [])]
    migrating = next((vm for vm in involved if vm.state in _MIGRATING), None)

    def finding(kind: Kind, concerned: Sequence[_Vm], detail: str, repair: Transaction | None = None) -> Finding:
        return Finding(vf.node, vf.phy, kind, tuple(vm.ref for vm in concerned), detail, repair)

    if len(users) > 1:
        return finding("double", users, f"used by several VMs: {', '.join(vm.ref.name for vm in users)}")
    if (usage.used and users == [holder]) or not (users or usage.used or usage.holder):
        return None
    if migrating:
        return finding("unclear", involved, f"{migrating.ref.name} is migrating: rerun the audit once it is done")
    if holder and not holder.readable:
        return finding("unclear", involved, f"claimed for {holder.ref.name}, whose XML is unreadable")
    guards = [guard for vm in involved for guard in vm.guards]
    if users:
        (user,) = users
        repair = usage.plan_claim(handler, user.ref, user.uses[vf.phy], user.method, guards)
        return finding("unclaimed", users, f"used by {user.ref.name}: {_claimed(usage, holder)}", repair)
    if not usage.holder:
        return finding("unclear", [], f"{_claimed(usage, holder)}: release it once you know that no VM uses it")
    detail = _claimed(usage, holder)
    if holder:
        detail += f", which is on node {holder.node}" if vf.phy in holder.uses else ", whose XML does not use it"
    return finding("stale", [holder] if holder else [], detail, usage.plan_release(handler, guards))


def _claimed(usage: Usage, holder: _Vm | None) -> str:
    if not usage.holder:
        return "marked used, but no VM recorded" if usage.used else "not claimed"
    whom = holder.ref.name if holder else f"{usage.holder}, which is not a VM"
    return f"claimed for {whom}" if usage.used else f"not marked used, but recorded for {whom}"


def _missing(
    there: Container[VfRef], pfs: Container[str], used_on: Mapping[VfRef, list[_Vm]], node: str | None
) -> list[Finding]:
    """Return the VFs that VMs use but their nodes do not have."""
    findings = []
    for vf, users in used_on.items():
        at, name = vf
        if vf in there or not at or node not in (None, at):
            continue
        # A macvtap device may stand on anything that the node has; only what is named like a VF is one.
        if pf_of(name) in pfs or any(vm.uses[name].type == "hostdev" for vm in users):
            names = ", ".join(vm.ref.name for vm in users)
            detail = f"used by {names}, but node {at} has no such VF"
            findings.append(Finding(at, name, "missing", tuple(vm.ref for vm in users), detail))
    return findings
