"""ZooKeeper's `setWatches` request (opcode 101): any number of watches in one round trip.

Clients send it after a reconnect; kazoo has no such request, and would set each watch with a read of its own.
It is given to the client like `multiRead`, see :mod:`pvc_cli.zk.multiread`. The layout is that of `SetWatches`
in ZooKeeper's sources.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_INT = struct.Struct(">i")
# The server sets off at once what changed after this transaction. Whoever reads after setting watches needs none.
_NEVER = struct.pack(">q", 2**63 - 1)


@dataclass(frozen=True, slots=True)
class SetWatches:
    """One request for watches on the values of existing znodes, on znodes to come, and on children."""

    values: list[str]
    absent: list[str]
    children: list[str]
    type = 101

    def serialize(self) -> bytes:
        """Return the request's body."""
        return _NEVER + b"".join(map(_vector, (self.values, self.absent, self.children)))

    def deserialize(self, _buffer: bytes, _offset: int) -> None:
        """Take the reply, which has no body."""


def _vector(paths: Sequence[str]) -> bytes:
    parts = [_INT.pack(len(paths))]
    for path in paths:
        name = path.encode()
        parts += (_INT.pack(len(name)), name)
    return b"".join(parts)
