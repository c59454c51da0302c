"""A deadline is a deadline, whatever the servers send."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.floor import receive
from tests.conftest import Pvc, Tree

HANDSHAKE = struct.pack(">iiiqi16s?", 37, 0, 10_000, 1, 16, bytes(16), False)
REPLY = struct.pack(">iiqi", 1_000_000, 1, 1, 0)


def trickle(client: socket.socket) -> None:
    """Answer every request with a reply that never ends, a byte at a time."""
    receive(client)
    client.sendall(REPLY)
    while True:
        client.sendall(b"\0")
        time.sleep(0.05)


def announce_too_much(client: socket.socket) -> None:
    """Announce a reply of two gigabytes, and keep sending it."""
    receive(client)
    client.sendall(struct.pack(">iiqi", 2**31 - 1, 1, 1, 0))
    while True:
        client.sendall(bytes(1000))
        time.sleep(0.01)


def say_nothing(client: socket.socket) -> None:
    """Take every request, and answer none."""
    while receive(client):
        pass


def answer_another(client: socket.socket) -> None:
    """Answer with the number of a request that was never made."""
    while packet := receive(client):
        number = struct.unpack_from(">i", packet, 4)[0]
        client.sendall(struct.pack(">iiqi", 16, number + 77, 1, 0))


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None], bool], str]]:
    """Serve what a function does with each connection, after the handshake or instead of it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def start(behave: Callable[[socket.socket], None], handshake: bool) -> str:
        def connect(client: socket.socket) -> None:
            with contextlib.suppress(OSError):
                if handshake:
                    receive(client)
                    client.sendall(HANDSHAKE)
                behave(client)
            client.close()

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=connect, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.mark.parametrize("handshake", [True, False], ids=["after the handshake", "instead of it"])
@pytest.mark.parametrize("behave", [trickle, announce_too_much, say_nothing, answer_another])
def test_a_command_ends_in_time_with_one_line(
    serve: Callable[..., str], behave: Callable[[socket.socket], None], handshake: bool, home: Path
) -> None:
    words = ["--coordinators", serve(behave, handshake), "--timeout", "1", "vm", "list"]
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "pvc_cli", *words],
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "HOME": str(home)},
        check=False,
    )
    assert time.monotonic() - started < 4
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (4, "", 1), result.stderr
    assert result.stderr.startswith("Error: ")


def test_a_slow_link_is_not_taken_for_silence(tree: Tree, pvc: Pvc, tmp_path: Path) -> None:
    """Of 6 MB at 2 MB/s nothing comes late, although all of it takes three times as long as an answer may."""
    server = tree.hosts.partition("/")[0].rpartition(":")[2]
    for name in ("web-01", "app-01", "db-01", "web-02", "app-02", "db-02"):
        tree.put(f"/domains/{tree.uuid(name)}/consolelog", b"x" * 1_000_000)
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket, pause: float) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
                time.sleep(pause * len(data) / 65536)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                upstream = socket.create_connection(("127.0.0.1", int(server)))
                threading.Thread(target=carry, args=(client, upstream, 0), daemon=True).start()
                threading.Thread(target=carry, args=(upstream, client, 65536 / 2_000_000), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    hosts = f"127.0.0.1:{listener.getsockname()[1]}/{tree.hosts.partition('/')[2]}"
    file = tmp_path / "backup.json"
    started = time.monotonic()
    result = pvc("--coordinators", hosts, "--timeout", "1.5", "cluster", "backup", str(file))
    assert (result.code, time.monotonic() - started > 2.5) == (0, True), result.err
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    accepting.join()
