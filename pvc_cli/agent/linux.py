"""The real kernel: netlink through pyroute2, VF counts and PCI addresses through sysfs."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from pvc_cli import identity
from pvc_cli.agent.kernel import KernelError, PfState, VfState, cannot_create
from pvc_cli.agent.link_events import listen
from pvc_cli.agent.link_message import LINK_STATES, DecodeError, Link, LinkVf, decode_link
from pvc_cli.cluster.sriov.model import Settings, Vf, VfConfig, vf_name
from pvc_cli.errors import ConfigError

_SYSFS = Path("/sys/class/net")
_PCI = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_VFS, _WITHOUT_STATISTICS = 1, 8  # RTEXT_FILTER_VF, RTEXT_FILTER_SKIP_STATS
# With their statistics, the list of some 220 VFs passes the 64 KiB that netlink counts, and is cut.
_VFS_ONLY = _VFS | _WITHOUT_STATISTICS
_IFF_UP, _IFF_LOWER_UP = 1, 1 << 16


class LinuxKernel:
    """The kernel of this machine. Reading needs no privilege, setting needs CAP_NET_ADMIN and a writable sysfs.

    Use it in a ``with`` statement, in one thread.

    :raises ConfigError: if pyroute2 is not installed.
    """

    def __init__(self) -> None:
        try:
            from pyroute2 import IPRoute
        except ImportError:
            raise ConfigError(
                "the agent needs pyroute2: install python3-pyroute2, or pvc with its extra 'agent'"
            ) from None
        self._open: Callable[[], Any] = IPRoute
        self._netlink: Any = None

    def __enter__(self) -> Self:
        # Opened by the thread that uses it: pyroute2 belongs to one.
        self._netlink = self._open()
        return self

    def __exit__(self, *error: object) -> None:
        self._netlink.close()

    def pf(self, phy: str) -> PfState | None:
        """Return a PF's state, or None if there is no such device."""
        try:
            link = self._link(phy, _WITHOUT_STATISTICS)
        except KernelError as error:
            if error.code == errno.ENODEV:
                return None
            raise
        up, carrier = bool(link.flags & _IFF_UP), bool(link.flags & _IFF_LOWER_UP)
        return PfState(phy, link.mtu, up, carrier, _count(_name(phy)))

    def name_of(self, phy: str) -> str:
        """Return the kernel's own name of a device; *phy* if there is no such device."""
        return _name(phy)

    def most_vfs(self, phy: str) -> int | None:
        """Return how many VFs a PF can have; None if its driver does not tell."""
        return _read_count(_name(phy), "sriov_totalvfs")

    def create_vfs(self, phy: str, count: int) -> None:
        """Create *count* VFs on a PF that has none."""
        _set_count(phy, count, cannot_create(phy, count))

    def remove_vfs(self, phy: str) -> None:
        """Remove all VFs of a PF, whoever uses them."""
        _set_count(phy, 0, f"could not remove the VFs of {phy}")

    def bring_up(self, phy: str) -> None:
        """Set a PF's link up."""
        with _naming(f"could not bring up {phy}"):
            self._netlink.link("set", index=_index(phy), state="up")

    def set_mtu(self, phy: str, mtu: int) -> None:
        """Set a PF's MTU."""
        with _naming(f"could not set MTU {mtu} on {phy}"):
            self._netlink.link("set", index=_index(phy), mtu=mtu)

    def vfs(self, phy: str) -> list[VfState]:
        """Return the state of all VFs of a PF, by index.

        :raises KernelError: also if the kernel or its driver reports fewer than there are.
        """
        reported, name = self._link(phy, _VFS_ONLY).vfs, _name(phy)
        count = _count(name) or 0
        if lacking := [index for index in range(count) if index not in reported]:
            reason = f"the kernel reported {count - len(lacking)} of {count} VFs"
            raise KernelError(f"could not read {phy}", errno.EMSGSIZE, reason)
        states = [_vf_state(name, index, reported[index]) for index in range(count)]
        if 0 < (known := sum(bool(state.pci) for state in states)) < count:
            # They are just being created or removed; a VF without its address would not be found again.
            raise KernelError(f"could not read {phy}", errno.EAGAIN, f"sysfs shows {known} of {count} VFs")
        return states

    def set_vf_mtu(self, phy: str, index: int, mtu: int) -> None:
        """Set the MTU of a VF's network device."""
        with _naming(f"could not set MTU {mtu} on VF {index} of {phy}"):
            for device in _devices(_name(phy), index):
                self._netlink.link("set", index=_index(device.name), mtu=mtu)

    def listen(self, tell: Callable[[], None]) -> AbstractContextManager[None]:
        """Call *tell*, in a thread of its own, whenever a link or a PCI device changes."""
        return listen(tell)

    def set_vf(self, phy: str, index: int, settings: Settings) -> None:
        """Set the settings of one of the KNOBS on a VF."""
        with _naming(f"could not set VF {index} of {phy}"):
            self._netlink.link("set", index=_index(phy), vf={"vf": index, **_request(settings)})

    def _link(self, phy: str, mask: int) -> Link:
        """Return what the kernel answers, with as much as *mask* (RTEXT_FILTER_*) asks for."""
        doing = f"could not read {phy}"
        with _naming(doing):
            answer = next(iter(self._netlink.link("get", index=_index(phy), ext_mask=mask)))
            message = answer.data[answer.offset : answer.offset + answer["header"]["length"]]
        try:
            return decode_link(bytes(message))
        except DecodeError as error:
            raise _undecodable(doing, error) from None


def read_actual(vfs: Iterable[Vf]) -> dict[str, VfConfig]:
    """Return the settings that this machine's drivers report for *vfs*, by name; none without pyroute2."""
    here = {vf.phy: vf for vf in vfs if vf.node == identity.host()}
    found: dict[str, VfConfig] = {}
    if here:
        with suppress(ConfigError, KernelError), LinuxKernel() as kernel:
            for pf in sorted({vf.pf for vf in here.values()}):
                found |= {name: vf.config for vf in kernel.vfs(pf) if (name := vf_name(pf, vf.index)) in here}
    return found


@contextmanager
def _naming(doing: str) -> Iterator[None]:
    """Turn a netlink error into a KernelError."""
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        yield
    except NetlinkError as error:
        raise KernelError(doing, error.code) from None
    except OSError as error:
        raise KernelError(doing, error.errno or errno.EIO) from None
    except Exception as error:
        # Whatever pyroute2 stumbles over in an answer: each version over something else.
        raise _undecodable(doing, error) from None


def _undecodable(doing: str, error: Exception) -> KernelError:
    reason = f"the kernel's answer cannot be decoded ({type(error).__name__}: {error})"
    return KernelError(doing, errno.EBADMSG, reason)


def _name(phy: str) -> str:
    """Return the name that sysfs has for a device, whichever of its names is given."""
    with suppress(OSError):
        if (_SYSFS / phy).exists():
            return phy
        return socket.if_indextoname(socket.if_nametoindex(phy))
    return phy


def _count(phy: str) -> int | None:
    return _read_count(phy, "sriov_numvfs")


def _read_count(phy: str, file: str) -> int | None:
    try:
        return int((_SYSFS / phy / "device" / file).read_text())
    except (OSError, ValueError):
        return None


def _set_count(phy: str, count: int, failure: str) -> None:
    try:
        (_SYSFS / _name(phy) / "device" / "sriov_numvfs").write_text(f"{count}\n")
    except OSError as error:
        raise KernelError(failure, error.errno or errno.EIO) from None


def _index(phy: str) -> int:
    try:
        return socket.if_nametoindex(phy)
    except OSError:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from None


def _vf_state(name: str, index: int, reported: LinkVf) -> VfState:
    try:
        pci = _function(name, index).readlink().name
    except OSError:
        # Cards of another bus have no such files.
        pci = ""
    devices = _devices(name, index) if pci else []
    macs = (_read(device / "address") for device in devices)
    mtus = (_read(device / "mtu") for device in devices)
    return VfState(
        index,
        mac=next(filter(None, macs), "") or reported.admin_mac,
        config=reported.config,
        pci=pci if _PCI.fullmatch(pci) else "",
        mtu=next((int(text) for text in mtus if text.isdecimal()), None),
        admin_mac=reported.admin_mac,
        service_tag=reported.service_tag,
    )


def _function(name: str, index: int) -> Path:
    # In one piece: a Path for each part takes longer than the rest.
    return Path(f"{_SYSFS}/{name}/device/virtfn{index}")


def _devices(name: str, index: int) -> list[Path]:
    """Return the network devices that this machine has of a VF: one at most, but for strange drivers."""
    try:
        return sorted((_function(name, index) / "net").iterdir())
    except OSError:
        return []


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        # Its device is being renamed, or given away, at this moment.
        return ""


def _request(settings: Settings) -> dict[str, Any]:
    """Return *settings* under pyroute2's names; it silently drops a name that it does not know."""
    request: dict[str, Any] = {}
    if "vlan_id" in settings:
        request["vlan"] = {"vlan": settings["vlan_id"], "qos": settings.get("vlan_qos", 0)}
    if "tx_rate_max" in settings:
        request["rate"] = {"min_tx_rate": settings.get("tx_rate_min", 0), "max_tx_rate": settings["tx_rate_max"]}
    if "link_state" in settings:
        request["link_state"] = LINK_STATES.index(str(settings["link_state"]))
    for name, word in (("spoof_check", "spoofchk"), ("trust", "trust"), ("query_rss", "rss_query_en")):
        if name in settings:
            request[word] = int(settings[name])
    return request
