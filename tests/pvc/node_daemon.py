"""A node's daemon: python -m tests.pvc.node_daemon HOSTS NODE --knows N --log FILE --since TIME.

It ends when it is terminated, when its standard input is closed, or with an error where its software lacks the
version that it has to start with.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from pvc_cli.zk.schema import ZKSchema
from tests.pvc.check import create_missing
from tests.pvc.migration import migrate, roll_back

VERSION = "/schema/version"
KEEPALIVES = 0.3
"""How often to report, in seconds; PVC's own daemons do every five."""


class VersionLackingError(Exception):
    """The software has no definition of a version."""


class NodeDaemon:
    """The daemon of *node*, with software whose newest version is *knows*.

    :param log: where it says what it does, a line each: how many seconds after *since*, the node, and what.
    """

    def __init__(self, client: KazooClient, node: str, *, knows: int, log: Path, since: float) -> None:
        self.client, self.node, self.knows = client, node, knows
        self.stopping = threading.Event()
        self._log, self._since = log, since

    def serve(self) -> None:
        """Start, follow every change of the version, and start again, until it is stopped.

        :raises VersionLackingError: if the software lacks the version.
        """
        while True:
            version = self.start()
            seen = self.report_until_another(version)
            if seen is None:
                break
            self.follow(version, seen)
        self.put("/daemonstate", "stop")
        self.say("stops")

    def start(self) -> int:
        """Do what PVC's daemon does at its start; return the version that it runs."""
        text = self.read(f"/nodes/{self.node}/activeschema") or ""
        version = int(text) if text.isdecimal() else int(self.read(VERSION) or 0)
        if not text.isdecimal():
            self.put("/activeschema", version)
        if version > self.knows:
            raise VersionLackingError(f"its software lacks version {version}")
        self.put("/latestschema", self.knows)
        self.say(f"starts with version {version}, knows {self.knows}")
        if self.knows > version:
            said = [self.read(f"/nodes/{node}/latestschema") for node in self.client.get_children("/nodes")]
            if all(text == str(self.knows) for text in said):
                self.say(f"finds that all nodes know version {self.knows}: sets {VERSION}")
                self.client.set(VERSION, str(self.knows).encode())
        with self.client.WriteLock(VERSION, lock_id()):
            create_missing(self.client, version)
        self.put("/daemonstate", "init")
        self.put("/daemonstate", "run")
        self.say(f"has checked the tree, runs version {version}")
        return version

    def report_until_another(self, version: int) -> int | None:
        """Report until the cluster's version is not *version*; return it, or None if the daemon is to stop."""
        fired = threading.Event()
        while not self.stopping.is_set():
            fired.clear()
            seen = int(self.client.get(VERSION, watch=lambda _: fired.set())[0] or b"0")
            if seen != version:
                return seen
            while not fired.wait(KEEPALIVES) and not self.stopping.is_set():
                self.keepalive(version)
        return None

    def keepalive(self, version: int) -> None:
        """Report what the node does, as far as *version* has a place for it."""
        values: Mapping[str, object] = {
            "node.keepalive": int(time.time()),
            "node.cpu.load": 0.5,
            "node.memory.free": 65536,
            "node.memory.used": 65536,
            "node.monitoring.health": 100,
            "node.state.daemon": "run",
        }
        schema = ZKSchema.at(version)
        transaction = self.client.transaction()
        for key, value in values.items():
            if path := schema.path((key, self.node)):
                transaction.set_data(path, str(value).encode())
        transaction.commit()

    def follow(self, version: int, seen: int) -> None:
        """Do what PVC calls a hot update: from the version that runs to the one that was *seen*."""
        self.say(f"sees version {seen}, stops its keepalives")
        if self.read("/config/primary_node") == self.node:
            time.sleep(0.5)
            with self.client.Lock(VERSION, lock_id()):
                if seen > version:
                    self.say("holds the exclusive lock: runs PVC's own migration")
                    migrate(self.client, version, seen, self.knows)
                else:
                    self.say("holds the exclusive lock: runs PVC's own rollback")
                    roll_back(self.client, version, seen)
        else:
            time.sleep(1)
            lock = self.client.ReadLock(VERSION, lock_id())
            lock.acquire()
            time.sleep(1)
            lock.release()
        self.put("/activeschema", seen)
        self.say(f"writes active_schema {seen}, restarts")

    def read(self, path: str) -> str | None:
        """Return the value at *path*, None where nothing is."""
        try:
            return str(self.client.get(path)[0].decode())
        except NoNodeError:
            return None

    def put(self, name: str, value: object) -> None:
        """Create or set a znode of the node."""
        path, data = f"/nodes/{self.node}{name}", str(value).encode()
        if self.client.exists(path):
            self.client.set(path, data)
        else:
            self.client.create(path, data)

    def say(self, words: str) -> None:
        """Log what was done."""
        with self._log.open("a") as log:
            log.write(f"{time.time() - self._since:.2f}\t{self.node}\t{words}\n")


def lock_id() -> str:
    """Return how PVC's processes call themselves when they take a lock."""
    return str(uuid.uuid1(node=0x525400C0FFEE))


def end_with_parent() -> None:
    """End when standard input is closed: whoever started this is gone."""

    def wait() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> int:
    """Run a daemon until it ends; return its exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("hosts")
    parser.add_argument("node")
    parser.add_argument("--knows", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--since", type=float, required=True)
    given = parser.parse_args()
    end_with_parent()
    client = KazooClient(given.hosts)
    client.start()
    daemon = NodeDaemon(client, given.node, knows=given.knows, log=given.log, since=given.since)
    signal.signal(signal.SIGTERM, lambda *_: daemon.stopping.set())
    try:
        daemon.serve()
    except VersionLackingError as error:
        daemon.say(f"ends: {error}")
        return 1
    finally:
        client.stop()
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
