"""The interface to the network cards, for the real kernel and for a simulated one."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pvc_cli.cluster.sriov.model import Settings, VfConfig
from pvc_cli.errors import PvcError

NO_MAC = "00:00:00:00:00:00"
KNOBS = {
    # One request sets both: half of it would reset the other half to 0.
    "vlan": ("vlan_id", "vlan_qos"),
    "rate": ("tx_rate_min", "tx_rate_max"),
    "link_state": ("link_state",),
    "spoof_check": ("spoof_check",),
    "trust": ("trust",),
    "query_rss": ("query_rss",),
}
"""By name, the settings that are set together."""
AT_START: Settings = {
    **dict.fromkeys(("vlan_id", "vlan_qos", "tx_rate_min", "tx_rate_max"), 0),
    "link_state": "auto",
    **dict.fromkeys(("spoof_check", "trust", "query_rss"), False),
}
"""The assumed settings of a new VF where its driver reports none."""
_TRANSIENT = (errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.ENOBUFS, errno.ENOMEM, errno.ETIMEDOUT)


class KernelError(PvcError):
    """The kernel or a driver failed to do something."""

    def __init__(self, doing: str, code: int) -> None:
        # Python calls 95 ENOTSUP; the kernel's documentation calls it EOPNOTSUPP.
        name = "EOPNOTSUPP" if code == errno.EOPNOTSUPP else errno.errorcode.get(code, code)
        self.reason = f"{os.strerror(code)} ({name})"
        super().__init__(f"{doing}: {self.reason}")
        self.code = code

    @property
    def transient(self) -> bool:
        """Whether the same may succeed a moment later."""
        return self.code in _TRANSIENT


@dataclass(frozen=True, slots=True)
class PfState:
    """A PF as the kernel has it."""

    phy: str
    mtu: int
    up: bool
    """Whether its link is set up; it may still lack a cable, or be negotiating its speed."""
    carrier: bool
    """Whether its link works."""
    vfs: int | None
    """How many VFs it has; None without SR-IOV."""


@dataclass(frozen=True, slots=True)
class VfState:
    """A VF as the kernel has it."""

    index: int
    mac: str
    """Its hardware address, :data:`NO_MAC` if it has none yet."""
    config: VfConfig
    """Its settings; what the driver does not report is None."""
    pci: str
    """Its address, such as ``0000:03:10.1``; empty if it is not a PCI device."""


class Kernel(Protocol):
    """The network cards of this node. Every method raises :class:`KernelError` if the kernel fails."""

    def pf(self, phy: str) -> PfState | None:
        """Return a PF's state, or None if there is no such device."""
        ...

    def create_vfs(self, phy: str, count: int) -> None:
        """Create *count* VFs on a PF that has none."""
        ...

    def bring_up(self, phy: str, mtu: int | None) -> None:
        """Set a PF's link up, and its MTU if one is given."""
        ...

    def vfs(self, phy: str) -> Sequence[VfState]:
        """Return the state of all VFs of a PF, by index."""
        ...

    def set_vf(self, phy: str, index: int, settings: Settings) -> None:
        """Set the settings of one of the :data:`KNOBS` on a VF."""
        ...
