"""The interface to the network cards, for the real kernel and for a simulated one."""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Self

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
_TRANSIENT = (
    *(errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.ENOBUFS, errno.ENOMEM, errno.ETIMEDOUT),
    *(errno.EBADMSG, errno.EMSGSIZE),
)


def cannot_create(phy: str, count: int) -> str:
    """Return how the error begins if a PF's VFs cannot be created."""
    return f"could not create {count} VFs on {phy}"


class KernelError(PvcError):
    """The kernel or a driver failed to do something."""

    def __init__(self, doing: str, code: int, reason: str = "") -> None:
        # Python calls 95 ENOTSUP; the kernel's documentation calls it EOPNOTSUPP.
        name = "EOPNOTSUPP" if code == errno.EOPNOTSUPP else errno.errorcode.get(code, code)
        self.reason = reason or f"{os.strerror(code)} ({name})"
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
    mtu: int | None = None
    """That of its network device; None if this machine has none: it is given to a VM, or is not bound to a driver."""
    admin_mac: str = NO_MAC
    """The hardware address that was set through the PF, :data:`NO_MAC` if none was."""
    service_tag: bool = False
    """Whether its VLAN is tagged by 802.1ad instead of 802.1Q."""


class Kernel(Protocol):
    """The network cards of this node, each by its name or another name of it (altname).

    Used in a ``with`` statement; what is done inside is done in one thread, but for :meth:`create_vfs`. Every method
    raises :class:`KernelError` if the kernel fails.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def pf(self, phy: str) -> PfState | None:
        """Return a PF's state, or None if there is no such device."""
        ...

    def name_of(self, phy: str) -> str:
        """Return the kernel's own name of a device; *phy* if there is no such device."""
        ...

    def most_vfs(self, phy: str) -> int | None:
        """Return how many VFs a PF can have; None if its driver does not tell."""
        ...

    def create_vfs(self, phy: str, count: int) -> None:
        """Create *count* VFs on a PF that has none. That may take minutes; any thread may do it."""
        ...

    def remove_vfs(self, phy: str) -> None:
        """Remove all VFs of a PF, whoever uses them."""
        ...

    def bring_up(self, phy: str) -> None:
        """Set a PF's link up."""
        ...

    def set_mtu(self, phy: str, mtu: int) -> None:
        """Set a PF's MTU."""
        ...

    def vfs(self, phy: str) -> Sequence[VfState]:
        """Return the state of all VFs of a PF, by index; an answer that lacks some is an error."""
        ...

    def set_vf(self, phy: str, index: int, settings: Settings) -> None:
        """Set the settings of one of the :data:`KNOBS` on a VF."""
        ...

    def set_vf_mtu(self, phy: str, index: int, mtu: int) -> None:
        """Set the MTU of a VF's network device."""
        ...

    def listen(self, tell: Callable[[], None]) -> AbstractContextManager[None]:
        """Call *tell*, in a thread of its own, whenever something about the cards may have changed."""
        ...
