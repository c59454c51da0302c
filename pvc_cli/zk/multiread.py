"""ZooKeeper's `multiRead` request (opcode 22, since 3.6): many reads in one round trip, from one moment.

kazoo has no such request. The client takes it like one of its own: an object with a `type`, `serialize()` and
`deserialize()`. That is not a public interface of kazoo, so the test suite pins it down.
The layout is that of `MultiOperationRecord` and `MultiResponse` in ZooKeeper's sources.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pvc_cli.errors import ProtocolError
from pvc_cli.zk.store import Read, access_denied, new_znode

_INT = struct.Struct(">i")
_HEADER = struct.Struct(">i?i")  # type, done, error
_RESULT = struct.Struct(">i?ii")  # the same, and what follows it: a value's length, names' count, or an error
_GET_DATA, _GET_CHILDREN, _ERROR = 4, 8, -1
_STAT_SIZE = 68
_OPEN_DATA = _HEADER.pack(_GET_DATA, False, -1)
_OPEN_CHILDREN = _HEADER.pack(_GET_CHILDREN, False, -1)
_END = _HEADER.pack(-1, True, -1)
_MUCH = 500_000
_NO_NODE, _NO_AUTH = -101, -102


class MultiRead(NamedTuple):
    """One request for all of *reads*, whose paths are below *chroot*; *text* wants values without their znodes.

    What access control lists do not let us read is an error, or goes to *denied*, and reads as missing.
    """

    reads: Sequence[Read]
    chroot: str = ""
    text: bool = False
    denied: dict[str, None] | None = None
    learn: Callable[[Sequence[Read], list[Any]], None] = lambda _reads, _results: None
    """Is told what came, if that was much."""

    @property
    def type(self) -> int:
        """The request's opcode."""
        return 22

    def serialize(self) -> bytes:
        """Return the request's body."""
        parts: list[bytes] = []
        chroot = self.chroot
        for path, children in self.reads:
            # kazoo makes the paths of its own requests absolute; the root of a chroot has no slash at its end.
            name = (chroot + path if path != "/" else chroot or path).encode()
            parts += (_OPEN_CHILDREN if children else _OPEN_DATA, _INT.pack(len(name)), name, b"\0")
        parts.append(_END)
        return b"".join(parts)

    def deserialize(self, buffer: bytes, offset: int) -> list[Any]:
        """Return what each read gave, from the reply in *buffer* at *offset*.

        :raises ProtocolError: if the reply is cut short, lies about a length, or does not match the request.
        :raises AccessDeniedError: if a znode's access control list does not let this client read it.
        """
        try:
            results = self._decode(buffer, offset)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise ProtocolError(f"a ZooKeeper server sent an invalid reply: {error}") from error
        if len(buffer) > _MUCH:
            self.learn(self.reads, results)
        if len(results) != len(self.reads):
            raise ProtocolError(
                f"a ZooKeeper server answered {len(results)} reads when it was asked {len(self.reads)}"
            )
        return results

    def _decode(self, buffer: bytes, offset: int) -> list[Any]:
        results: list[Any] = []
        add, unpack, make, text = results.append, _RESULT.unpack_from, new_znode, self.text
        # The header at the end is followed by nothing, where all others are by a number.
        buffer += bytes(_INT.size)
        while True:
            # A length that lies beyond the reply is found out here, with the next header.
            kind, done, _, number = unpack(buffer, offset)
            if done:
                return results
            if len(results) == len(self.reads):
                raise IndexError("more results than reads")
            if kind == _GET_DATA:
                start = offset + _RESULT.size
                end = start + number if number > 0 else start
                offset = end + _STAT_SIZE
                if text:
                    add(buffer[start:end].decode("utf-8", "replace"))
                else:
                    add(make((buffer[start:end], buffer[end:offset])))
            elif kind == _GET_CHILDREN:
                children, offset = _decode_strings(buffer, offset + _HEADER.size)
                add(children)
            elif kind == _ERROR:
                offset += _RESULT.size
                if number == _NO_AUTH:
                    path = self.reads[len(results)].path
                    if self.denied is None:
                        raise access_denied(path)
                    self.denied[path] = None
                elif number != _NO_NODE:
                    raise ProtocolError(f"a ZooKeeper server failed a read with error {number}: retry")
                add(None)
            else:
                raise IndexError(f"a result of type {kind}")


def _decode_strings(buffer: bytes, offset: int) -> tuple[list[str], int]:
    """Return the vector of strings at *offset*, and where it ends."""
    (count,) = _INT.unpack_from(buffer, offset)
    offset += 4
    strings = []
    for _ in range(count):
        start = offset + 4
        offset = start + _INT.unpack_from(buffer, offset)[0]
        if not start <= offset <= len(buffer):
            raise IndexError("a name is longer than the reply")
        strings.append(buffer[start:offset].decode())
    return strings, offset
