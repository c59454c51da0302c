"""Look up the addresses of servers, all at once, and without waiting for a dead name server."""

import functools
import ipaddress
import socket
import time
from collections.abc import Iterable
from threading import Thread

_PATIENCE = 2.0
"""How long, in seconds, a name is waited for; the resolver would wait for up to a minute."""
_NONE: frozenset[str] = frozenset()


def look_up(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the addresses of hosts by their *names*; one that cannot be resolved, or not in time, has none."""
    lookups = {name: _lookup(name) for name in names}
    return {name: lookup.wait() for name, lookup in lookups.items()}


class _Lookup(Thread):
    """One name that is looked up; a thread that is still waiting when the process ends does not keep it."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self._host = name
        self._found = _NONE
        self._deadline = time.monotonic() + _PATIENCE
        self.start()

    def run(self) -> None:
        """Ask the resolver."""
        try:
            found = socket.getaddrinfo(self._host, None, type=socket.SOCK_STREAM)
            self._found = frozenset(_plain(str(address[0])) for *_, address in found)
        except (OSError, ValueError):
            pass

    def wait(self) -> frozenset[str]:
        """Return the addresses that are found until the deadline."""
        self.join(max(0.0, self._deadline - time.monotonic()))
        return self._found


@functools.cache
def _lookup(name: str) -> _Lookup:
    return _Lookup(name)


def _plain(text: str) -> str:
    """Return an address in its plainest form: 0.0.0.0 leads to this host, ::ffff:10.0.0.1 to 10.0.0.1."""
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)
