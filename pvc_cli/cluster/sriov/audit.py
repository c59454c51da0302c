"""Compare the claims of VFs with the VMs' XML and the nodes that the VMs are on, and repair what is certain."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvc_cli.cluster.sriov.arrivals import Arrivals, ArrivedError
from pvc_cli.cluster.sriov.model import VfRef, find_pf, list_refs, pf_of, text_of
from pvc_cli.cluster.sriov.sharing import guard_others
from pvc_cli.cluster.sriov.usage import Usage, method_write, usage_keys
from pvc_cli.cluster.sriov.users import Crowd, Use, User, read_users
from pvc_cli.cluster.values import natural_key
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import ConflictError
from pvc_cli.zk import Key, Transaction, ZKHandler

Kind = Literal["stale", "unclaimed", "double", "missing", "duplicate", "unclear"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with a VF.

    *kind* is ``stale`` (claimed for a VM that does not use it), ``unclaimed`` (used without a claim), ``double``
    (used by several VMs), ``missing`` (used, but the node lacks it), ``duplicate`` (another VF has
    its MAC address, too) or ``unclear`` (cannot be told).
    """

    node: str
    vf: str
    kind: Kind
    vms: tuple[VmRef, ...]
    detail: str
    repair: Transaction | None = None
    """The repair, if it is certain; guarded by everything that it is based on."""


def audit(handler: ZKHandler, node: str | None = None, pf: str | None = None) -> list[Finding]:
    """Return the problems with the VFs of one PF, of one node, or of all, in order, in a few batches.

    :raises NotFoundError: if there is no such node or PF.
    :raises SchemaError: if the cluster's schema has no SR-IOV.
    """
    of_pf = find_pf(handler, node, pf).vfs if node and pf else ()
    usages, pfs, addresses = _read_usages(handler, list_refs(handler, node))
    vms = read_users(handler)
    used_on: dict[VfRef, dict[str, tuple[User, Use]]] = {}
    for vm in vms:
        for use in vm.uses:
            vf = VfRef(vm.node, use.vf) if use.vf else addresses.get((vm.node, use.pci))
            if vf:
                used_on.setdefault(vf, {}).setdefault(vm.ref.uuid, (vm, use))
    known = {vm.ref.uuid: vm for vm in vms}
    findings = [
        finding
        for usage in usages
        if (finding := _check(handler, usage, [*used_on.get(usage.vf, {}).values()], known)) is not None
    ]
    users = {vf: [*found.values()] for vf, found in used_on.items()}
    nodes = {finding.node for finding in findings if finding.repair}
    arrivals = Arrivals(handler, {node: Crowd.of(vms, node) for node in nodes}, {one.vf: one for one in usages})
    for finding in findings:
        if finding.repair:
            finding.repair.lookout = arrivals
    findings += _missing({usage.vf for usage in usages}, pfs, users, node)
    findings += _duplicates(usages, known)
    if pf:
        # One that the node lacks has no PF there but by its name.
        findings = [finding for finding in findings if finding.vf in of_pf or pf_of(finding.vf) == pf]
    return sorted(findings, key=lambda finding: (natural_key(finding.node), natural_key(finding.vf)))


def repair(finding: Finding) -> bool:
    """Repair a finding if that is certain and nothing has changed, and tell whether it was done.

    :raises RefusedError: if it was taken back, for another VM that has the VF came to the node meanwhile.
    :raises ArrivedError: if it could not be taken back.
    :raises UnreachableError: if no server answers.
    """
    if finding.repair is None:
        return False
    try:
        finding.repair.commit()
    except ArrivedError:
        raise
    except ConflictError:
        return False
    return True


def _read_usages(
    handler: ZKHandler, vfs: Sequence[VfRef]
) -> tuple[list[Usage], set[str], dict[tuple[str, str], VfRef]]:
    """Return how each VF is used, all their PFs, and which is where on its node's PCI bus."""
    keys: list[list[Key]] = [[*usage_keys(vf), ("node.sriov.vf", vf.node, "sriov_vf.pf", vf.phy)] for vf in vfs]
    found = iter(handler.get_znodes(key for one in keys for key in one))
    usages, pfs, addresses = [], set(), {}
    for vf, one in zip(vfs, keys, strict=True):
        *own, pf = (next(found) for _ in one)
        usage = Usage.of(vf, own)
        if usage.own is not None:
            usages.append(usage)
            pfs.add(text_of(pf))
            addresses[vf.node, usage.pci] = vf
    return usages, pfs - {""}, addresses


def _check(
    handler: ZKHandler, usage: Usage, found: Sequence[tuple[User, Use]], vms: Mapping[str, User]
) -> Finding | None:
    """Return the problem with one VF, if any; *found* are the VMs on its node whose XML has it."""
    vf, holder = usage.vf, vms.get(usage.holder)
    users = [vm for vm, _ in found]
    involved = [*users, *([holder] if holder and holder not in users else [])]
    migrating = next((vm for vm in involved if vm.is_migrating), None)

    def finding(kind: Kind, concerned: Sequence[User], detail: str, repair: Transaction | None = None) -> Finding:
        return Finding(vf.node, vf.phy, kind, tuple(vm.ref for vm in concerned), detail, repair)

    if len(users) > 1:
        return finding("double", users, f"used by several VMs: {', '.join(vm.ref.name for vm in users)}")
    if (usage.used and users == [holder]) or not (users or usage.used or usage.holder):
        return None
    if migrating:
        return finding("unclear", involved, f"{migrating.ref.name} is migrating: rerun the audit once it is done")
    if holder and not holder.readable:
        return finding("unclear", involved, f"claimed for {holder.ref.name}, whose XML is unreadable")
    if holder and not usage.pci and not users and holder.may_hold(vf) and any(use.pci for use in holder.uses):
        detail = f"claimed for {holder.ref.name}, which has PCI devices, and the VF's own address is unknown"
        return finding("unclear", involved, detail)
    guards = [guard for vm in involved for guard in vm.guards]
    if users:
        ((user, use),) = found
        # One more that has it would make it a double use.
        others = [vm for vm in vms.values() if vf.node in vm.nodes and vm not in involved]
        guards += guard_others(others, vf, usage.pci)
        repair = usage.plan_claim(handler, user.ref, use, guards, method_write(user.ref, use, user.method))
        return finding("unclaimed", users, f"used by {user.ref.name}: {_claimed(usage, holder)}", repair)
    if not usage.holder:
        return finding("unclear", [], f"{_claimed(usage, holder)}: release it once you know that no VM uses it")
    detail = _claimed(usage, holder)
    if holder:
        detail += f", which is on node {holder.node}" if holder.use_of(vf.phy, "") else ", whose XML does not use it"
    return finding("stale", [holder] if holder else [], detail, usage.plan_release(handler, guards))


def _claimed(usage: Usage, holder: User | None) -> str:
    if not usage.holder:
        return "marked used, but no VM recorded" if usage.used else "not claimed"
    whom = holder.ref.name if holder else f"{usage.holder}, which is not a VM"
    return f"claimed for {whom}" if usage.used else f"not marked used, but recorded for {whom}"


def _missing(
    there: Container[VfRef],
    pfs: Container[str],
    used_on: Mapping[VfRef, Sequence[tuple[User, Use]]],
    node: str | None,
) -> list[Finding]:
    """Return the VFs that VMs use but their nodes do not have."""
    findings = []
    for vf, found in used_on.items():
        at, name = vf
        users = [vm for vm, _ in found]
        if vf in there or not at or node not in (None, at):
            continue
        # A macvtap device may stand on anything that the node has; only what is named like a VF is one.
        if pf_of(name) in pfs or any(use.type == "hostdev" for _, use in found):
            names = ", ".join(vm.ref.name for vm in users)
            detail = f"used by {names}, but node {at} has no such VF"
            findings.append(Finding(at, name, "missing", tuple(vm.ref for vm in users), detail))
    return findings


def _duplicates(usages: Iterable[Usage], vms: Mapping[str, User]) -> list[Finding]:
    """Return the VFs that share a MAC address, but for those of a VM on its way from one to the other."""
    sharing: dict[str, list[Usage]] = {}
    for usage in usages:
        if (mac := text_of(usage.mac).lower()) not in ("", "00:00:00:00:00:00"):
            sharing.setdefault(mac, []).append(usage)
    findings = []
    for mac, group in sharing.items():
        holders = {usage.holder: vms[usage.holder] for usage in group if usage.holder in vms}
        if len(group) == 1 or any(vm.is_migrating for vm in holders.values()):
            continue
        for usage in group:
            others = ", ".join(f"{other.vf.node}/{other.vf.phy}" for other in group if other is not usage)
            concerned = (holders[usage.holder].ref,) if usage.holder in holders else ()
            findings.append(
                Finding(usage.vf.node, usage.vf.phy, "duplicate", concerned, f"MAC address {mac}, as {others}")
            )
    return findings
