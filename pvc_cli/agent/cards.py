"""Prepare a node's PFs as configured, without harming existing VFs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvc_cli.agent.config import Device
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import NO_MAC, Kernel, KernelError, VfState
from pvc_cli.cluster.sriov.model import vf_name

_MAC_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Card:
    """A configured PF that this node has, with its VFs by PVC's names."""

    device: Device
    vfs: Mapping[str, VfState]
    healthy: bool = True
    """Whether its list of VFs is complete; if not, none is pruned from the tree."""
    new: bool = False
    """Whether its VFs were just created."""


def prepare(kernel: Kernel, device: Device, journal: Journal, *, dry_run: bool = False) -> Card | None:
    """Bring a PF up as its configuration says, and return what it has.

    VFs are created only where there are none: any other count would destroy those that are there.

    :returns: None if this node has no such device, or one without SR-IOV.
    """
    phy, count = device.phy, device.vfcount
    state, topic = kernel.pf(phy), f"pf {phy}"
    if state is None or state.vfs is None:
        lack = "this node has no such device" if state is None else "the device does not support SR-IOV"
        journal.write_once(topic, f"{phy} is configured, but {lack}: skipped")
        return None
    healthy, created = True, False
    try:
        if state.vfs == 0 < count:
            # A dry run does not see them, and must not take them for gone.
            created = healthy = not dry_run
            journal.write(f"{phy}: {'would create' if dry_run else 'creating'} {count} VFs", "notice")
            if created:
                kernel.create_vfs(phy, count)
        elif state.vfs != count:
            journal.write_once(
                topic,
                f"{phy} has {state.vfs} VFs, but {count} are configured: not changed: resizing would destroy the"
                " existing VFs; once no VM uses them, write 0 to sriov_numvfs, and reload the agent",
            )
        else:
            journal.clear(topic)
    except KernelError as error:
        journal.write_once(topic, str(error))
        healthy, created = False, False
    _bring_up(kernel, device, journal, dry_run=dry_run)
    topic = f"vfs {phy}"
    try:
        vfs = _with_macs(kernel, phy) if created else kernel.vfs(phy)
    except KernelError as error:
        journal.write_once(topic, str(error))
        return Card(device, {}, healthy=False)
    journal.clear(topic)
    return Card(device, {vf_name(phy, vf.index): vf for vf in vfs}, healthy, created)


def _bring_up(kernel: Kernel, device: Device, journal: Journal, *, dry_run: bool) -> None:
    state, topic = kernel.pf(device.phy), f"link {device.phy}"
    mtu = device.mtu if state and device.mtu not in (None, state.mtu) else None
    if state is None or (state.up and mtu is None):
        return
    what = " and ".join([*([] if state.up else ["link up"]), *([f"MTU {mtu}"] if mtu else [])])
    try:
        if not dry_run:
            kernel.bring_up(device.phy, mtu)
    except KernelError as error:
        journal.write_once(topic, str(error))
    else:
        journal.clear(topic)
        journal.write(f"{device.phy}: {'would set ' if dry_run else ''}{what}", "notice")


def _with_macs(kernel: Kernel, phy: str) -> Sequence[VfState]:
    """Return a PF's new VFs, once all have an address: some drivers give it with the network device, a bit later."""
    deadline = time.monotonic() + _MAC_TIMEOUT
    while True:
        vfs = kernel.vfs(phy)
        if all(vf.mac != NO_MAC for vf in vfs) or time.monotonic() > deadline:
            return vfs
        time.sleep(0.05)
