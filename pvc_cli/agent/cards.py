"""Prepare a node's PFs as configured, without harming existing VFs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pvc_cli.agent.config import Device
from pvc_cli.agent.creation import Creations
from pvc_cli.agent.kernel import NO_MAC, Kernel, KernelError, PfState, VfState
from pvc_cli.cluster.sriov.model import vf_name

_MAC_TIMEOUT = 3.0
Topic = Literal["device", "vfs", "mtu", "link", "state", "mac"]
Step = Literal["set_mtu", "bring_up", "create_vfs"]


@dataclass(frozen=True, slots=True)
class CardStep:
    """Something to do to a PF: set its MTU to *new*, set its link up, or create *new* VFs."""

    phy: str
    step: Step
    new: int
    old: int

    def __str__(self) -> str:
        what = {"set_mtu": f"MTU {self.old} -> {self.new}", "bring_up": "link up"}
        return f"{self.phy}: {what.get(self.step, f'create {self.new} VFs')}"


@dataclass(frozen=True, slots=True)
class Card:
    """A configured PF, with its VFs by PVC's names."""

    device: Device
    vfs: Mapping[str, VfState]
    healthy: bool = True
    """Whether its list of VFs is complete, and not about to change."""
    new: bool = False
    """Whether its VFs were just created."""
    present: bool = True
    """Whether this node has it, with SR-IOV."""
    vf_mtu: int | None = None
    """The MTU that its VFs' network devices are to have; None to leave them as they are."""
    steps: Sequence[CardStep] = ()
    """What was done to it, or would be."""
    problems: Mapping[Topic, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many VFs it has; 0 if that cannot be told."""
        return len(self.vfs)


def prepare(
    kernel: Kernel, device: Device, creations: Creations, *, with_link: bool = True, dry_run: bool = False
) -> Card:
    """Bring a PF up as its configuration says, and return what it has.

    VFs are created only where there are none: any other count would destroy those that are there. What fails stops
    nothing else.

    :param with_link: also set its MTU and its link.
    """
    phy = device.phy
    try:
        state = kernel.pf(phy)
    except KernelError as error:
        return Card(device, {}, healthy=False, present=False, problems={"device": str(error)})
    if state is None or state.vfs is None:
        lack = "this node has no such device" if state is None else "the device does not support SR-IOV"
        text = f"{phy} is configured, but {lack}"
        creations.forget(phy)
        return Card(device, {}, healthy=False, present=False, problems={"device": text})
    steps, problems = _set_link(kernel, device, state, dry_run=dry_run) if with_link else ([], {})
    created = False
    if state.vfs == 0 < device.vfcount:
        if creations.is_due(phy, device.vfcount):
            steps.append(CardStep(phy, "create_vfs", device.vfcount, 0))
        try:
            created = not dry_run and creations.create(phy, device.vfcount)
            if not created and not dry_run:
                problems["vfs"] = f"{phy}: still creating {device.vfcount} VFs"
        except KernelError as error:
            problems["vfs"] = str(error)
        if not created:
            return Card(device, {}, healthy=False, steps=steps, problems=problems)
    elif not dry_run and creations.is_running(phy):
        # A driver counts them up; half a list is none.
        problems["vfs"] = f"{phy}: still creating {device.vfcount} VFs"
        return Card(device, {}, healthy=False, steps=steps, problems=problems)
    elif state.vfs != device.vfcount:
        problems["vfs"] = (
            f"{phy} has {state.vfs} VFs, but {device.vfcount} are configured: not changed: resizing would destroy the"
            f" existing VFs; 'pvc sriov pf drain NODE {phy} --resize' does it once no VM uses them"
        )
    new = creations.has_finished(phy)
    try:
        vfs = _with_macs(kernel, phy) if new else kernel.vfs(phy)
    except KernelError as error:
        return Card(device, {}, healthy=False, steps=steps, problems={**problems, "state": str(error)})
    creations.forget(phy)
    if text := _same_macs(phy, vfs):
        problems["mac"] = text
    named = {vf_name(phy, vf.index): vf for vf in vfs}
    vf_mtu = device.mtu if "mtu" not in problems and (with_link or device.mtu == state.mtu) else None
    return Card(device, named, new=new, vf_mtu=vf_mtu, steps=steps, problems=problems)


def _set_link(
    kernel: Kernel, device: Device, state: PfState, *, dry_run: bool
) -> tuple[list[CardStep], dict[Topic, str]]:
    """Set MTU and link, each by itself: a driver that refuses one must not keep the other down."""
    steps: list[CardStep] = []
    problems: dict[Topic, str] = {}
    phy = device.phy
    if device.mtu not in (None, state.mtu):
        try:
            if not dry_run:
                kernel.set_mtu(phy, device.mtu)
            steps.append(CardStep(phy, "set_mtu", device.mtu, state.mtu))
        except KernelError as error:
            problems["mtu"] = str(error)
    if not state.up:
        try:
            if not dry_run:
                kernel.bring_up(phy)
            steps.append(CardStep(phy, "bring_up", 1, 0))
        except KernelError as error:
            problems["link"] = str(error)
    return steps, problems


def _with_macs(kernel: Kernel, phy: str) -> Sequence[VfState]:
    """Return a PF's new VFs, once all have an address: some drivers give it with the network device, a bit later.

    One that takes longer is filled in when the kernel tells that it is there.
    """
    deadline = time.monotonic() + _MAC_TIMEOUT
    while True:
        vfs = kernel.vfs(phy)
        if all(vf.mac != NO_MAC for vf in vfs) or time.monotonic() > deadline:
            return vfs
        time.sleep(0.05)


def _same_macs(phy: str, vfs: Sequence[VfState]) -> str:
    """Return what is wrong if two VFs were given the same address: a switch in the card delivers to one of them."""
    owner: dict[str, int] = {}
    for vf in vfs:
        if vf.admin_mac != NO_MAC and owner.setdefault(vf.admin_mac, vf.index) != vf.index:
            both = f"{vf_name(phy, owner[vf.admin_mac])} and {vf_name(phy, vf.index)}"
            return f"{both} have the same MAC address {vf.admin_mac}: see 'pvc sriov vf audit'"
    return ""
