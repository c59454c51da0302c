"""Hand over the VFs of VMs that move: released on one node, claimed on another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pvc_cli.cluster.sriov.arrivals import Arrivals
from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.cluster.sriov.sharing import SharingError, guard_sharers, judge_others, others_than
from pvc_cli.cluster.sriov.usage import Usage, Write, method_write, usage_keys
from pvc_cli.cluster.sriov.users import Use, read_crowd
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.errors import RefusedError
from pvc_cli.zk import Transaction, ZKHandler, Znode


@dataclass(frozen=True, slots=True)
class Moving:
    """A VM that moves, with the devices in its XML and its migration method."""

    vm: VmRef
    uses: Sequence[Use]
    source: str
    target: str
    method: Znode | None


@dataclass(frozen=True, slots=True)
class Handover:
    """The VFs that VMs which move may use, as they were read."""

    handler: ZKHandler
    vfs: Mapping[str, Sequence[Usage]]
    """By node: how each VF is used."""
    arrivals: Arrivals
    """Has, by target, the VMs that may use devices there; looks whether more came."""
    given: dict[VfRef, VmRef] = field(default_factory=dict)
    """The VFs that were given to other VMs of the same plan."""

    @classmethod
    def read(cls, handler: ZKHandler, moving: Iterable[Moving]) -> Handover:
        """Read what concerns *moving*, in a few batches; nothing if none of them uses a device of its node."""
        concerned = [one for one in moving if one.uses and "node.sriov" in handler.schema.keys]
        targets = dict.fromkeys(one.target for one in concerned)
        nodes = list(dict.fromkeys([*targets, *(one.source for one in concerned)]))
        found = handler.children_many(("node.sriov.vf", node) for node in nodes)
        refs = [VfRef(node, name) for node, names in zip(nodes, found, strict=True) for name in names or ()]
        keys = {ref: usage_keys(ref) for ref in refs}
        values = iter(handler.get_znodes(key for ref in refs for key in keys[ref]))
        vfs: dict[str, list[Usage]] = {node: [] for node in nodes}
        for ref in refs:
            vfs[ref.node].append(Usage.of(ref, [next(values) for _ in keys[ref]]))
        crowds = {target: read_crowd(handler, target) for target in targets}
        return cls(handler, vfs, Arrivals(handler, crowds, {one.vf: one for some in vfs.values() for one in some}))

    def add_to(self, transaction: Transaction, moving: Moving, *, force: bool) -> None:
        """Add to *transaction* what releases a VM's VFs where it is, and claims those where it goes.

        :param force: claim a VF although another VM uses it without a claim, or that cannot be told.
        :raises RefusedError: if the target lacks one, or another VM has it.
        """
        if moving.target not in self.vfs:
            return
        claimed: set[VfRef] = set()
        released: set[VfRef] = set()
        method_is_set = False
        for use in moving.uses:
            here, there = self._find(moving.source, use), self._find(moving.target, use)
            if there is None and (here or (use.type == "hostdev" and use.vf)):
                raise RefusedError(f"node {moving.target} has no VF {use.vf or use.pci}, which its XML uses")
            # Without a VF on either node, it is a macvtap on an ordinary interface, or another device.
            # One VF may be in the XML by its name and by its address.
            if there and there.vf not in claimed:
                claimed.add(there.vf)
                more = [] if method_is_set else method_write(moving.vm, use, moving.method)
                method_is_set = method_is_set or bool(more)
                self._claim(transaction, moving, use, there, more, force=force)
            if here and here.vf not in released and here.holder == moving.vm.uuid:
                released.add(here.vf)
                transaction.ops += here.plan_release(self.handler, []).ops
        # Several VFs are judged on the same VMs.
        transaction.ops[:] = dict.fromkeys(transaction.ops)
        if not force:
            transaction.lookout = self.arrivals

    def _claim(
        self,
        transaction: Transaction,
        moving: Moving,
        use: Use,
        usage: Usage,
        more: Sequence[Write],
        *,
        force: bool,
    ) -> None:
        if self.given.setdefault(usage.vf, moving.vm) != moving.vm:
            raise RefusedError(f"{usage.vf} goes to VM {self.given[usage.vf]}, which moves there, too")
        if usage.used and usage.holder != moving.vm.uuid:
            raise RefusedError(f"{usage.vf} is in use: see 'pvc sriov vf info {usage.vf.node} {usage.vf.phy}'")
        others = others_than(self.arrivals.crowds[moving.target].users, moving.vm.uuid)
        try:
            guards = (guard_sharers if force else judge_others)(others, usage.vf, usage.pci)
        except SharingError as error:
            elsewhere = "move it to another node, or override with --force"
            raise RefusedError(error.advise(elsewhere, "repair it, or override with --force")) from None
        transaction.ops += usage.plan_claim(self.handler, moving.vm, use, guards, more).ops

    def _find(self, node: str, use: Use) -> Usage | None:
        for usage in self.vfs.get(node, ()):
            if usage.vf.phy == use.vf or (use.pci and use.pci == usage.pci):
                return usage
        return None
