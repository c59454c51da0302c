from __future__ import annotations

import contextlib
import getpass
import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Pvc, Tree

LOG = Path("/dev/log")


class Syslog:
    """Hears what the whole machine logs, and keeps what it is asked for."""

    def __init__(self, daemon: socket.socket, hosts: str) -> None:
        self._daemon = daemon
        self._ours = f'cluster="{hosts}" '.encode()
        self.heard: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen(self) -> None:
        """Take every line at once, so that nobody who logs has to wait, until an empty one comes."""
        while line := self._daemon.recv(4096):
            if self._ours in line:
                self.heard.put(line.decode())


@pytest.fixture
def syslog(tree: Tree) -> Iterator[queue.SimpleQueue[str]]:
    """What is logged of the test's cluster, where this machine has no syslog daemon and lets us be one."""
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        try:
            daemon.bind(str(LOG))
        except OSError:
            pytest.skip("needs root, and a machine on which no syslog daemon listens at /dev/log")
        stack.callback(LOG.unlink)
        syslog = Syslog(daemon, tree.hosts)
        thread = threading.Thread(target=syslog.listen)
        thread.start()
        yield syslog.heard
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(LOG))
        thread.join()


def test_a_change_is_logged_once_with_user_cluster_and_command(
    syslog: queue.SimpleQueue[str], on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    on_tree("vm", "tag", "add", "--all", "--force-name", "two words")
    line = syslog.get(timeout=5)
    assert line.startswith("<37>")  # facility AUTH, severity notice
    assert "pvc[" in line
    assert line.endswith(f""" cluster="{tree.hosts}" command="pvc vm tag add --all --force-name 'two words'\"""")
    assert f'uid="{os.getuid()}"' in line
    monkeypatch.delenv("SUDO_USER")
    on_tree("vm", "tag", "remove", "web-01", "two words")
    assert f'user="{getpass.getuser()}" ' in syslog.get(timeout=5)
    assert syslog.empty()


def test_restoring_a_part_of_a_backup_is_logged(
    syslog: queue.SimpleQueue[str], on_tree: Pvc, tree: Tree, tmp_path: Path
) -> None:
    file = f"{tmp_path}/backup.json"
    on_tree("cluster", "backup", file)
    on_tree("cluster", "diff", file)
    on_tree("cluster", "restore", file, "--vm", "web-01")
    tree.client.delete(f"/domains/{tree.uuid('web-01')}", recursive=True)
    on_tree("cluster", "restore", file, "--vm", "web-01", "--dry-run")
    on_tree("cluster", "restore", file, "--vm", "web-01")
    assert syslog.get(timeout=5).endswith(f' command="pvc cluster restore {file} --vm web-01"')
    assert syslog.empty()


def test_what_changes_nothing_is_not_logged(syslog: queue.SimpleQueue[str], on_tree: Pvc) -> None:
    on_tree("vm", "list")
    on_tree("vm", "tag", "add", "web-01", "t", "--dry-run")
    on_tree("vm", "tag", "add", "web-01", "production")
    on_tree("vm", "tag", "remove", "db-01", "stateful")
    on_tree("vm", "tag", "add", "web-01", "last")
    assert syslog.get(timeout=5).endswith('command="pvc vm tag add web-01 last"')
