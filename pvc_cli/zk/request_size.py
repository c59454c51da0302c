"""How large a transaction is, and whether the servers accept a request of that size."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from kazoo.security import OPEN_ACL_UNSAFE

from pvc_cli.errors import TooLargeError
from pvc_cli.zk.connection import LOST_ERRORS, Connection
from pvc_cli.zk.store import Op

MAX_REQUEST = 1_048_575
"""Bytes that a request may have where the servers' jute.maxbuffer is not raised: at more they hang up."""
_ENVELOPE = 17
"""Bytes of a transaction without its steps."""


class RequestSize:
    """What fits into one request over a :class:`Connection`, as far as is known."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        client = connection.client
        self._more_size = len(client.chroot.encode())
        self._more_acl = _acl_size(client.default_acl or OPEN_ACL_UNSAFE) - _acl_size(OPEN_ACL_UNSAFE)
        self._accepted = MAX_REQUEST
        self._refused = sys.maxsize

    def size(self, ops: Sequence[Op]) -> int:
        """Return how many bytes *ops* take in a request."""
        return sum(op.size + self._more_size + (op.kind == "create" and self._more_acl) for op in ops)

    def require_fit(self, ops: Sequence[Op]) -> None:
        """Check that *ops* fit into one request.

        :raises TooLargeError: if they do not.
        """
        size = _ENVELOPE + self.size(ops)
        if size <= self._accepted:
            return
        if size < self._refused and self.accepts(size):
            self._accepted = size
            return
        self._refused = min(size, self._refused)
        largest = max(ops, key=lambda op: op.size)
        raise TooLargeError(
            f"the change takes {size:,} bytes, more than the servers accept in one request: {largest.path} alone"
            f" takes {largest.size:,}; use a smaller value, or raise jute.maxbuffer on the servers"
        )

    def accepts(self, size: int) -> bool:
        """Find out whether the servers accept a request of *size* bytes, with one that changes nothing.

        Where jute.maxbuffer is raised, PVC writes such values; where it is not, a server hangs up.
        """
        for _ in range(2):  # once may be the network's fault
            until = time.monotonic() + self._connection.timeout
            try:
                self._connection.deadline()(self._connection.client.exists_async(f"/{'x' * size}"))
            except LOST_ERRORS:
                self._connection.await_session(until)
            else:
                return True
        return False


def _acl_size(acl: Iterable[Any]) -> int:
    """Return how many bytes an access control list takes in a request."""
    return sum(12 + len(entry.id.scheme.encode()) + len(entry.id.id.encode()) for entry in acl)
