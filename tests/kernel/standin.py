"""Stand-ins, in the guest, for what PVC brings to a node: its daemon, and the ZooKeeper that its daemon starts.

The daemon does what PVC's does, in its order: it brings up the network, starts ZooKeeper's service, connects, and
registers the node if the tree does not have it.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from kazoo.client import KazooClient

from tests.pvc.check import create_missing

GO = Path("/run/pvcnoded.go")
"""The daemon waits for this file: so the test can look at a node without network and ZooKeeper."""
ZOOKEEPER = ("127.0.0.1", 2181)


def pvcnoded() -> None:
    while not GO.exists():
        time.sleep(0.1)
    (device,) = [path.parent.name for path in Path("/sys/class/net").glob("*/device") if is_virtio(path)]
    for words in (
        f"link set {device} up",
        f"address add 10.0.2.15/24 dev {device}",
        "route add default via 10.0.2.2",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    say("the network is up")
    subprocess.run(["systemctl", "start", "zookeeper.service"], check=True)
    client = KazooClient("{}:{}".format(*ZOOKEEPER))
    client.start(60)
    say("connected to ZooKeeper")
    path = f"/nodes/{socket.gethostname()}"
    if not client.exists(path):
        time.sleep(3)
        client.create(path, b"coordinator")
        create_missing(client, int(client.get("/schema/version")[0]))
        say(f"registered {path}")
    threading.Event().wait()


def is_virtio(device: Path) -> bool:
    return (device / "driver").resolve().name == "virtio_net"


def zookeeper(port: int) -> None:
    """Pass on, byte by byte, what comes to ZooKeeper's port here to the real one on the host."""
    with socket.create_server(ZOOKEEPER) as listener:
        while True:
            here, _ = listener.accept()
            there = socket.create_connection(("10.0.2.2", port))
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=pump, args=(source, target), daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    pvcnoded() if role == "pvcnoded" else zookeeper(int(arguments[0]))
