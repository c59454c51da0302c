"""Hear from the kernel when a network link or a PCI device changes."""

import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_RTMGRP_LINK = 1
_KERNEL_EVENTS = 1
"""The group in which the kernel itself tells of devices; udev has another."""
_NETLINK_KOBJECT_UEVENT = 15
_FAMILY_AT = 16
"""Where a message about a link says the family: behind its header."""
_SIZE = 65536
_MOST = 1000
"""Messages to read at once: the kernel may tell things faster than they are read."""
_REST = 0.02
"""Seconds before the next are read: what comes meanwhile is told as one."""


@contextmanager
def listen(tell: Callable[[], None]) -> Iterator[None]:
    """Call *tell*, in a thread of its own, whenever a link or a PCI device changes, for a ``with`` block.

    What changes is not told: whoever listens looks. Where the kernel allows no such sockets, nothing is told.
    """
    sockets = [
        found
        for protocol, groups in ((socket.NETLINK_ROUTE, _RTMGRP_LINK), (_NETLINK_KOBJECT_UEVENT, _KERNEL_EVENTS))
        if (found := _open(protocol, groups)) is not None
    ]
    ours, theirs = os.pipe()
    thread = threading.Thread(target=_serve, args=(sockets, ours, tell), name="link events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(theirs)
        thread.join()
        os.close(ours)
        for one in sockets:
            one.close()


def _open(protocol: int, groups: int) -> socket.socket | None:
    found = None
    with suppress(OSError):
        found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        found.bind((0, groups))
        return found
    if found:
        found.close()
    return None


def _serve(sockets: list[socket.socket], end: int, tell: Callable[[], None]) -> None:
    by_number = {one.fileno(): one for one in sockets}
    while True:
        ready, _, _ = select.select([*by_number, end], [], [])
        if end in ready:
            return
        # All of them are to be read, so that none is ready again at once.
        concerned = [_concerns_cards(by_number[number]) for number in ready]
        if any(concerned):
            tell()
        select.select([end], [], [], _REST)


def _concerns_cards(source: socket.socket) -> bool:
    """Read all that a socket has, and tell whether anything of it may be about a card."""
    found = False
    for _ in range(_MOST):
        try:
            message = source.recv(_SIZE)
        except BlockingIOError:
            return found
        except OSError:
            # Too much came at once, and some of it is lost.
            return True
        if source.proto == socket.NETLINK_ROUTE:
            # A bridge's ports have a family of their own; cards have none.
            found |= len(message) <= _FAMILY_AT or struct.unpack_from("=B", message, _FAMILY_AT)[0] == 0
        else:
            found |= b"\0SUBSYSTEM=pci\0" in message
    return found
