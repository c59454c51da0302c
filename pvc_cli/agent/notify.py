"""Tell systemd the state of the service, as sd_notify(3) does."""

import contextlib
import os
import socket
import time

_SHARE = 3
"""Keep-alives per watchdog interval: one or two may come late."""


class Notifier:
    """Sends to the socket that NOTIFY_SOCKET names; without one, does nothing."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        watchdog = os.environ.get("WATCHDOG_USEC", "") if self._address else ""
        mine = os.environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        self.interval = int(watchdog) / 1e6 / _SHARE if watchdog.isdecimal() and mine else None
        """Seconds between calls of :meth:`alive`; None without a watchdog."""

    def ready(self, status: str) -> None:
        """Tell systemd that the service works."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Tell systemd that the configuration is being reloaded, until :meth:`ready`."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Tell systemd that the service ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Tell systemd that the service is alive."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # An abstract socket's name starts with a NUL, written as @.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # A supervisor that is slow, or does not listen, must not block the service.
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
            contextlib.suppress(OSError),
        ):
            sender.sendto(message.encode(), address)
