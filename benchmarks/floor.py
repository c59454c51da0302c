"""The floor: how fast the same bytes could go, sent over a bare socket, their replies read and not looked at.

A recording proxy between `pvc` and the server notes every request, and how many replies had come when it was sent.
The replay sends the same requests in the same order, and waits for the same number of replies before each.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LENGTH = struct.Struct(">i")
_NUMBERS = struct.Struct(">ii")  # of a request: its number and its kind
_PING, _CLOSE = 11, -11
_HEAD = struct.Struct(">ii")  # of a recorded packet: replies to wait for before it, and its length
_WAIT = 60.0


@dataclass(slots=True)
class Recording:
    """What a client sent is in *file*: each packet, and before it how many replies it waited for, and its length."""

    file: Path
    requests: int = 0
    """How many packets were sent, the handshake and the good-bye not counted."""
    sent: int = 0
    """Bytes that were sent."""
    received: int = 0
    """Bytes that came back."""
    replies: int = 0


@contextlib.contextmanager
def recorder(port: int, file: Path) -> Iterator[tuple[str, Recording]]:
    """Listen on loopback, pass one client's packets on to the server at *port*, and note them.

    Yields the address to connect to, and the recording, which is complete once the client is gone.
    """
    recording = Recording(file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_WAIT)
        thread = threading.Thread(target=_pass_on, args=(listener, port, recording), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", recording
        thread.join(_WAIT)


def _pass_on(listener: socket.socket, port: int, recording: Recording) -> None:
    client, _ = listener.accept()
    with client, socket.create_connection(("127.0.0.1", port)) as server, recording.file.open("wb") as file:
        back = threading.Thread(target=_pass_back, args=(client, server, recording), daemon=True)
        back.start()
        while packet := receive(client):
            # The handshake has neither number nor kind; it waits for nothing. A ping tells nothing but the time.
            kind = _NUMBERS.unpack_from(packet, 4)[1] if recording.sent else None
            if kind != _PING:
                file.write(_HEAD.pack(recording.replies, len(packet)) + packet)
                recording.sent += len(packet)
                if kind not in (None, _CLOSE):
                    recording.requests += 1
            server.sendall(packet)
        back.join(_WAIT)


def _pass_back(client: socket.socket, server: socket.socket, recording: Recording) -> None:
    with contextlib.suppress(OSError):
        while packet := receive(server):
            # Watches and pings answer no request; the handshake's reply begins with its protocol version, 0.
            recording.replies += _LENGTH.unpack_from(packet, 4)[0] >= 0
            recording.received += len(packet)
            client.sendall(packet)


def receive(peer: socket.socket) -> bytes:
    """Return one packet with its length in front, empty at the end of the connection."""
    header = peer.recv(4, socket.MSG_WAITALL)
    if len(header) < _LENGTH.size:
        return b""
    return header + peer.recv(_LENGTH.unpack(header)[0], socket.MSG_WAITALL)


def replay(file: Path, port: int) -> float:
    """Send what was recorded, read all replies, and return how many seconds that took."""
    recorded = file.read_bytes()
    packets: list[tuple[int, bytes]] = []
    at = 0
    while at < len(recorded):
        waited, length = _HEAD.unpack_from(recorded, at)
        at += _HEAD.size
        packets.append((waited, recorded[at : at + length]))
        at += length
    buffer = memoryview(bytearray(64 * 1024 * 1024))
    replies = 0
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for waited, packet in [*packets, (len(packets), b"")]:
            while replies < waited:
                server.recv_into(buffer, 4, socket.MSG_WAITALL)
                rest = _LENGTH.unpack_from(buffer)[0]
                server.recv_into(buffer, rest, socket.MSG_WAITALL)
                replies += _LENGTH.unpack_from(buffer)[0] >= 0
            server.sendall(packet)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(replay(Path(sys.argv[1]), int(sys.argv[2])))
