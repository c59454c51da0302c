"""Read a whole tree from a ZooKeeper server, one request a level, over a bare socket and without the code under test.

kazoo asks for every znode by itself, which takes thirty times as long, and the suite looks at whole trees often.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence

_INT = struct.Struct(">i")
_HANDSHAKE = struct.pack(">iqiqi16s?", 0, 0, 10_000, 0, 16, bytes(16), False)
_GET_DATA, _GET_CHILDREN, _MULTI_READ, _CLOSE = 4, 8, 22, -11
_STEP = struct.Struct(">i?i")  # before each step and each result: its kind, whether it is the end, an error
_REPLY = struct.Struct(">iqi")  # before each reply: the request's number, the transaction, an error
_STAT_LENGTH = 68
_BATCH = 2_000


class Reader:
    """A session with the server at *hosts*, ``HOST:PORT``, for the time of a ``with`` block."""

    def __init__(self, hosts: str) -> None:
        host, _, port = hosts.partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._stream = self._socket.makefile("rb")
        self._send(_HANDSHAKE)
        self._receive()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._send(struct.pack(">ii", 1, _CLOSE))
        self._receive()
        self._stream.close()
        self._socket.close()

    def tree(self, root: str) -> dict[str, bytes]:
        """Return every znode below *root* with its value, by its path from there."""
        found: dict[str, bytes] = {}
        level = ["/"]
        while level:
            whole = [f"{root}{path}".rstrip("/") or "/" for path in level]
            results = self._ask([(kind, path) for path in whole for kind in (_GET_DATA, _GET_CHILDREN)])
            below = []
            for path in level:
                value, children = next(results), next(results)
                assert isinstance(value, bytes)
                assert isinstance(children, list)
                found[path] = value
                below += [f"{path.rstrip('/')}/{child}" for child in children]
            level = below
        return found

    def _ask(self, steps: Sequence[tuple[int, str]]) -> Iterator[bytes | list[str]]:
        for start in range(0, len(steps), _BATCH):
            batch = steps[start : start + _BATCH]
            paths = [(kind, path.encode()) for kind, path in batch]
            body = [_STEP.pack(kind, False, -1) + _INT.pack(len(path)) + path + b"\0" for kind, path in paths]
            self._send(struct.pack(">ii", 1, _MULTI_READ) + b"".join(body) + _STEP.pack(-1, True, -1))
            reply = self._receive()
            error = _REPLY.unpack_from(reply)[2]
            assert error == 0, error
            yield from _results(reply, [path for _, path in batch])

    def _send(self, packet: bytes) -> None:
        self._socket.sendall(_INT.pack(len(packet)) + packet)

    def _receive(self) -> bytes:
        return self._stream.read(_INT.unpack(self._stream.read(_INT.size))[0])


def _results(reply: bytes, paths: Sequence[str]) -> Iterator[bytes | list[str]]:
    at = _REPLY.size

    def text() -> bytes:
        nonlocal at
        length = max(_INT.unpack_from(reply, at)[0], 0)  # -1 stands for a value that is null
        at += _INT.size + length
        return reply[at - length : at]

    for path in paths:
        kind, _, error = _STEP.unpack_from(reply, at)
        at += _STEP.size
        assert error == 0, f"{path}: error {error}"
        if kind == _GET_DATA:
            yield text()
            at += _STAT_LENGTH
        else:
            count = _INT.unpack_from(reply, at)[0]
            at += _INT.size
            yield [text().decode() for _ in range(count)]
