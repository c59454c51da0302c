"""The kernel's end of a netlink socket, in bytes as <linux/rtnetlink.h> and <linux/if_link.h> lay them out.

What is behind it is a simulated card; what is before it is pyroute2, with nothing of it replaced but the socket.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pyroute2
import pytest

from pvc_cli.agent.kernel import KernelError, VfState
from tests.agent.nic import SimulatedKernel

_HEADER = struct.Struct("=IHHII")  # length, type, flags, number, port
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, which of them to change
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NEW_LINK, _GET_LINK, _ERROR = 16, 18, 2
_ACK = 4
_UP, _LOWER_UP = 1, 1 << 16
_NAME, _MTU, _VF_LIST, _EXT_MASK = 3, 4, 22, 29
_VF_INFO = 1
_VF_MAC, _VF_VLAN, _VF_TX_RATE, _VF_SPOOF, _VF_LINK_STATE, _VF_RATE, _VF_RSS, _VF_TRUST = 1, 2, 3, 4, 5, 6, 7, 9
_VF_STATS, _VF_VLAN_LIST, _VF_VLAN_INFO = 8, 12, 1
_WITH_VFS, _WITHOUT_STATS = 1, 8
_STATISTICS = range(1, 10)
_Q_TAG, _AD_TAG = 0x8100, 0x88A8
_STATES = ("auto", "enable", "disable")
_SETTINGS = {
    _VF_VLAN: ("vlan_id", "vlan_qos"),
    _VF_RATE: ("tx_rate_min", "tx_rate_max"),
    _VF_SPOOF: ("spoof_check",),
    _VF_LINK_STATE: ("link_state",),
    _VF_RSS: ("query_rss",),
    _VF_TRUST: ("trust",),
}


class Netlink:
    """Answers for one device, *phy*."""

    def __init__(self, cards: SimulatedKernel, phy: str) -> None:
        self.cards = cards
        self.phy = phy
        self.asked: list[tuple[str, dict[str, object]]] = []
        """What was to be set on a VF, in the words of the headers."""
        self.refuse = 0
        """The error that everything is answered with, if any."""
        self.most: int | None = None
        """How many VFs are reported at most."""
        self._connections: list[tuple[socket.socket, threading.Thread]] = []

    def plug_into(self, patch: pytest.MonkeyPatch) -> None:
        """Give pyroute2 one end of a socket pair where it wants a netlink socket, and answer at the other."""
        kernel = self

        class Socket(socket.socket):
            """Like any other, unless it is to be a netlink socket."""

            netlink = False

            def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
                if family == socket.AF_NETLINK:
                    self.netlink = True
                    family, type, proto, fileno = -1, -1, -1, kernel.connect()
                super().__init__(family, type, proto, fileno)

            def bind(self, address: Any) -> None:
                if not self.netlink:
                    super().bind(address)

            def sendto(self, data: Any, *address: Any) -> int:
                return self.send(data) if self.netlink else super().sendto(data, *address)

        patch.setattr(socket, "socket", Socket)
        # Where older ones look for the class, and what newer ones make of the socket.
        patch.setattr(pyroute2.config, "SocketBase", Socket)
        with contextlib.suppress(ImportError):
            patch.setattr("pyroute2.netlink.core.NoClose.bind", lambda *_: None)

    def connect(self) -> int:
        """Return one end of a socket pair; whatever comes in at the other is answered."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        thread = threading.Thread(target=self._serve, args=(ours,))
        thread.start()
        self._connections.append((ours, thread))
        return theirs.detach()

    def close(self) -> None:
        """Hang up."""
        for ours, thread in self._connections:
            ours.shutdown(socket.SHUT_RDWR)
            thread.join()
            ours.close()

    def _serve(self, ours: socket.socket) -> None:
        while request := ours.recv(65536):
            ours.send(b"".join(self.answer(request)))

    def answer(self, request: bytes) -> Iterator[bytes]:
        """Do what a request wants, and yield what is sent back."""
        _, kind, flags, number, port = _HEADER.unpack_from(request)
        _, _, index, state, change = _LINK.unpack_from(request, _HEADER.size)
        attributes = dict(_parse(request[_HEADER.size + _LINK.size :]))
        error = self.refuse
        try:
            assert index == socket.if_nametoindex(self.phy)
            if kind == _GET_LINK and not error:
                link = self._link(struct.unpack("=I", attributes.get(_EXT_MASK, bytes(4)))[0])
                yield _HEADER.pack(_HEADER.size + len(link), _NEW_LINK, 0, number, port) + link
            elif not error:
                assert kind == _NEW_LINK
                self._set(state & change, attributes)
        except KernelError as refused:
            error = refused.code
        if error or flags & _ACK:
            # A refused request comes back whole, of one that was done only the head.
            back = struct.pack("=i", -error) + request[: None if error else _HEADER.size]
            yield _HEADER.pack(_HEADER.size + len(back), _ERROR, 0, number, port) + back

    def _link(self, mask: int) -> bytes:
        pf = self.cards.pf(self.phy)
        if pf is None:
            raise KernelError(self.phy, errno.ENODEV)
        flags = _UP * pf.up | _LOWER_UP * pf.carrier
        found = [(_NAME, f"{self.phy}\0".encode()), (_MTU, _numbers(pf.mtu))]
        if mask & _WITH_VFS:
            reported = self.cards.vfs(self.phy)[: self.most]
            statistics = _STATS if not mask & _WITHOUT_STATS else b""
            found.append((_VF_LIST, pack_attributes((_VF_INFO, _vf(vf) + statistics) for vf in reported)))
        return _LINK.pack(0, 1, socket.if_nametoindex(self.phy), flags, 0) + pack_attributes(found)

    def _set(self, up: int, attributes: dict[int, bytes]) -> None:
        # As the kernel does: the MTU first, and what is refused ends it.
        if _MTU in attributes:
            self.cards.set_mtu(self.phy, struct.unpack("=I", attributes[_MTU])[0])
        if up & _UP:
            self.cards.bring_up(self.phy)
        for kind, info in _parse(attributes.get(_VF_LIST, b"")):
            assert kind == _VF_INFO
            for setting, value in _parse(info):
                vf, *numbers = struct.unpack(f"={len(value) // 4}I", value)
                given: dict[str, Any] = dict(zip(_SETTINGS[setting], numbers, strict=True))
                if setting == _VF_LINK_STATE:
                    given["link_state"] = _STATES[given["link_state"]]
                elif len(given) == 1:
                    given = {name: bool(number) for name, number in given.items()}
                self.asked.append((f"VF {vf}", given))
                self.cards.set_vf(self.phy, vf, given)


def link_message(flags: int, attributes: bytes) -> bytes:
    """Return what the kernel answers about a link."""
    size = _HEADER.size + _LINK.size + len(attributes)
    return _HEADER.pack(size, _NEW_LINK, 0, 1, 0) + _LINK.pack(0, 1, 1, flags, 0) + attributes


def _vf(vf: VfState) -> bytes:
    """Return what the kernel tells of a VF; what its driver does not say is all ones."""

    def told(value: bool | None) -> int:
        return 2**32 - 1 if value is None else int(value)

    config, index = vf.config, vf.index
    mac = bytes.fromhex(vf.mac.replace(":", ""))
    tag = struct.pack("=III", index, config.vlan_id or 0, config.vlan_qos or 0)
    tag += struct.pack(">H", _AD_TAG if vf.service_tag else _Q_TAG) + bytes(2)
    return pack_attributes([
        (_VF_MAC, _numbers(index) + mac.ljust(32, b"\0")),
        (_VF_VLAN, _numbers(index, config.vlan_id or 0, config.vlan_qos or 0)),
        (_VF_RATE, _numbers(index, config.tx_rate_min or 0, config.tx_rate_max or 0)),
        (_VF_TX_RATE, _numbers(index, config.tx_rate_max or 0)),
        (_VF_SPOOF, _numbers(index, told(config.spoof_check))),
        (_VF_LINK_STATE, _numbers(index, _STATES.index(config.link_state or "auto"))),
        (_VF_RSS, _numbers(index, told(config.query_rss))),
        (_VF_TRUST, _numbers(index, told(config.trust))),
        (_VF_VLAN_LIST, pack_attributes([(_VF_VLAN_INFO, tag)])),
    ])  # fmt: skip


def _numbers(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}I", *numbers)


def pack_attributes(found: Iterable[tuple[int, bytes]]) -> bytes:
    """Return attributes, by type and value, as they are in a message."""
    return b"".join(
        # A length has 16 bits. What does not fit in them is cut off in front, by the kernel, too.
        (_ATTRIBUTE.pack((_ATTRIBUTE.size + len(value)) & 0xFFFF, kind) + value).ljust(
            -(-(4 + len(value)) // 4) * 4, b"\0"
        )
        for kind, value in found
    )


_STATS = pack_attributes([(_VF_STATS, pack_attributes((number, bytes(8)) for number in _STATISTICS))])


def _parse(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        length, kind = _ATTRIBUTE.unpack_from(data)
        yield kind & 0x3FFF, data[_ATTRIBUTE.size : length]
        data = data[-(-length // 4) * 4 :]
