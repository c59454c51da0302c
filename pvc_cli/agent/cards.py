"""Make a node's PFs what its configuration says, as far as that harms nobody."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvc_cli.agent.config import Device
from pvc_cli.agent.journal import Journal
from pvc_cli.agent.kernel import NO_MAC, Kernel, KernelError, VfState
from pvc_cli.cluster.sriov.model import vf_name

_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Card:
    """A configured PF that this node has, with its VFs by PVC's names."""

    device: Device
    vfs: Mapping[str, VfState]
    sound: bool = True
    """Whether it is as it should be; if not, nothing that the tree knows of it is taken away."""


def prepare(kernel: Kernel, device: Device, journal: Journal, *, dry_run: bool = False) -> Card | None:
    """Make a PF what its configuration says, as far as that harms nobody, and return what it has.

    VFs are created only where there are none: any other count would destroy those that are there.

    :returns: None if this node has no such device, or none that can have VFs.
    """
    state = kernel.pf(device.phy)
    topic = f"pf {device.phy}"
    if state is None:
        journal.once(topic, f"{device.phy} is configured, but this node has no such device: it is skipped")
        return None
    if state.vfs is None:
        journal.once(topic, f"{device.phy} is configured, but it can have no virtual functions: it is skipped")
        return None
    sound, created = True, False
    try:
        if state.vfs == 0 < device.vfcount:
            # A rehearsal does not see them, and must not take them for gone.
            created = sound = not dry_run
            journal.say(f"{device.phy}: {'would create' if dry_run else 'creating'} {device.vfcount} VFs", "notice")
            if created:
                kernel.create_vfs(device.phy, device.vfcount)
        elif state.vfs != device.vfcount:
            journal.once(
                topic,
                f"{device.phy} has {state.vfs} VFs, and {device.vfcount} are configured: it stays so,"
                " for another count would destroy them (once no VM uses them, write 0 to sriov_numvfs, and reload)",
            )
        else:
            journal.settle(topic)
    except KernelError as error:
        journal.once(topic, str(error))
        sound, created = False, False
    _bring_up(kernel, device, journal, dry_run=dry_run)
    try:
        vfs = _with_macs(kernel, device.phy) if created else kernel.vfs(device.phy)
    except KernelError as error:
        journal.once(f"vfs {device.phy}", str(error))
        return Card(device, {}, sound=False)
    journal.settle(f"vfs {device.phy}")
    return Card(device, {vf_name(device.phy, vf.index): vf for vf in vfs}, sound)


def _bring_up(kernel: Kernel, device: Device, journal: Journal, *, dry_run: bool) -> None:
    state = kernel.pf(device.phy)
    mtu = device.mtu if state and device.mtu not in (None, state.mtu) else None
    if state is None or (state.up and mtu is None):
        return
    said = " and ".join(part for part in ("" if state.up else "link up", f"MTU {mtu}" if mtu else "") if part)
    try:
        if not dry_run:
            kernel.bring_up(device.phy, mtu)
    except KernelError as error:
        journal.once(f"link {device.phy}", str(error))
    else:
        journal.settle(f"link {device.phy}")
        journal.say(f"{device.phy}: {'would set ' if dry_run else ''}{said}", "notice")


def _with_macs(kernel: Kernel, phy: str) -> Sequence[VfState]:
    """Return a PF's new VFs, once all have an address: some drivers give it with the network device, a bit later."""
    until = time.monotonic() + _PATIENCE
    while True:
        vfs = kernel.vfs(phy)
        if all(vf.mac != NO_MAC for vf in vfs) or time.monotonic() > until:
            return vfs
        time.sleep(0.05)
