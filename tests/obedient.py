"""Node daemons that do at once what they are told: for pages whose commands wait for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

_NODE = {b"flush": b"flushed", b"unflush": b"ready"}
_VM = {b"shutdown": b"stop", b"restart": b"start", b"migrate": b"start", b"migrate-live": b"start"}


@contextmanager
def obedient_daemons(hosts: str) -> Iterator[None]:
    """Have every node of the cluster at *hosts* do what the tree says, for a ``with`` block."""
    client = KazooClient(hosts)
    client.start()
    over = threading.Event()

    def serve() -> None:
        while not over.wait(0.1):
            with suppress(NoNodeError):  # a VM was deleted meanwhile
                _follow(client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        client.stop()
        client.close()


def _follow(client: KazooClient) -> None:
    nodes = client.get_children("/nodes")
    running: dict[str, list[str]] = {node: [] for node in nodes}
    for node in nodes:
        told = client.get(f"/nodes/{node}/domainstate")[0]
        if told in _NODE:
            elsewhere = next(other for other in nodes if other != node)
            _hand_over(client, node, elsewhere, away=told == b"flush")
            client.set(f"/nodes/{node}/domainstate", _NODE[told])
    for vm in client.get_children("/domains"):
        state = client.get(f"/domains/{vm}/state")[0]
        if state in _VM:
            with client.Lock(f"/domains/{vm}/state"):
                client.set(f"/domains/{vm}/state", _VM[state])
        if _VM.get(state, state) == b"start":
            running[client.get(f"/domains/{vm}/node")[0].decode()].append(vm)
    for node, vms in running.items():
        client.set(f"/nodes/{node}/runningdomains", " ".join(vms).encode())
        client.set(f"/nodes/{node}/keepalive", str(int(time.time())).encode())


def _hand_over(client: KazooClient, node: str, elsewhere: str, *, away: bool) -> None:
    for vm in client.get_children("/domains"):
        at, before = (client.get(f"/domains/{vm}/{key}")[0].decode() for key in ("node", "lastnode"))
        if away and at == node:
            client.set(f"/domains/{vm}/lastnode", node.encode())
            client.set(f"/domains/{vm}/node", elsewhere.encode())
        elif not away and before == node:
            client.set(f"/domains/{vm}/lastnode", b"")
            client.set(f"/domains/{vm}/node", node.encode())
