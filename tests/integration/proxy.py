"""A proxy on loopback that loses a connection at the worst moment, chosen by the kind of request."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Literal

from benchmarks.floor import receive

Fault = Literal["before", "after", "unimplemented"]
EXISTS, GET_ACL, MULTI, MULTI_READ = 3, 6, 14, 22
_UNIMPLEMENTED = -6
_EVENT = -1


class Proxy:
    """Passes a client's packets on to a ZooKeeper server, and strikes once, or as often as it is told.

    `before` drops the connection instead of passing the request on; `after` passes it on, and drops the
    connection when the reply has come, without handing it over; `unimplemented` answers as a server that does
    not know the request, and hangs up.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.hosts = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._opcode = 0
        self._fault: Fault = "before"
        self._times = 0
        self.struck = 0
        self._down = False
        self._peers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def strike(self, opcode: int, fault: Fault, times: int = 1) -> None:
        """Strike at the next *times* requests of kind *opcode*."""
        self._opcode, self._fault, self._times = opcode, fault, times

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Within a ``with`` block, have no connection to the server, and get none."""
        self._down = True
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        yield
        self._down = False

    def close(self) -> None:
        """Accept no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # a blocked accept() survives a mere close()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._down:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._port))
            self._peers += (client, server)
            doomed = threading.Event()
            awaited = threading.Semaphore(0)
            threading.Thread(target=self._requests, args=(client, server, doomed, awaited), daemon=True).start()
            threading.Thread(target=self._replies, args=(client, server, doomed, awaited), daemon=True).start()

    def _requests(
        self, client: socket.socket, server: socket.socket, doomed: threading.Event, awaited: threading.Semaphore
    ) -> None:
        sent = 1
        with contextlib.suppress(OSError):
            _pass_packet(client, server)  # the handshake has neither number nor kind
            while packet := receive(client):
                number, opcode = struct.unpack_from(">ii", packet, 4)
                if self._times and opcode == self._opcode:
                    self._times -= 1
                    self.struck += 1
                    if self._fault == "unimplemented":
                        # A server answers in order: first whatever was asked before.
                        for _ in range(sent):
                            awaited.acquire(timeout=5)
                        client.sendall(struct.pack(">iiqi", 16, number, 0, _UNIMPLEMENTED))
                    if self._fault != "after":
                        break
                    doomed.set()
                server.sendall(packet)
                sent += 1
        _close(client, server, unless=doomed)

    def _replies(
        self, client: socket.socket, server: socket.socket, doomed: threading.Event, awaited: threading.Semaphore
    ) -> None:
        with contextlib.suppress(OSError):
            while packet := receive(server):
                if doomed.is_set() and struct.unpack_from(">i", packet, 4)[0] > 0:
                    break
                client.sendall(packet)
                if struct.unpack_from(">i", packet, 4)[0] != _EVENT:
                    awaited.release()
        _close(client, server)


def _pass_packet(source: socket.socket, target: socket.socket) -> None:
    target.sendall(receive(source))


def _close(*peers: socket.socket, unless: threading.Event | None = None) -> None:
    if unless and unless.is_set():
        return
    for peer in peers:
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)
        peer.close()
