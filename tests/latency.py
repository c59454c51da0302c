"""A proxy on loopback that makes a server look far away."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator

_Line = queue.Queue[tuple[float, bytes]]


@contextlib.contextmanager
def far_away(hosts: str, round_trip: float) -> Iterator[str]:
    """Within a ``with`` block, give hosts at which the server at *hosts* answers *round_trip* seconds later.

    However much is on its way at once takes no longer than one request, as on a long line. Opening a connection is
    for free.
    """
    address, slash, chroot = hosts.partition("/")
    host, _, port = address.rpartition(":")
    ends: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def run(work: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(port)))
            ends.extend((near, far))
            _join(run, near, far, round_trip / 2)
            _join(run, far, near, round_trip / 2)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        run(accept)
        yield f"127.0.0.1:{listener.getsockname()[1]}{slash}{chroot}"
        for end in (listener, *ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # a blocked accept() or recv() survives a mere close()
    for thread in threads:
        thread.join()
    for end in ends:
        end.close()


def _join(
    run: Callable[[Callable[[], None]], None], source: socket.socket, target: socket.socket, delay: float
) -> None:
    line = _Line()
    run(lambda: _take(source, line, delay))
    run(lambda: _deliver(target, line))


def _take(source: socket.socket, line: _Line, delay: float) -> None:
    data = b"."
    while data:
        try:
            data = source.recv(1 << 20)
        except OSError:
            data = b""
        line.put((time.monotonic() + delay, data))


def _deliver(target: socket.socket, line: _Line) -> None:
    """Hand over what is on *line*, each piece when it is due; an empty one is the end."""
    data = b"."
    while data:
        due, data = line.get()
        time.sleep(max(due - time.monotonic(), 0))
        with contextlib.suppress(OSError):
            target.sendall(data) if data else target.shutdown(socket.SHUT_WR)
