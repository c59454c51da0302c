from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Pvc, Tree

LOG = Path("/dev/log")


@pytest.fixture
def syslog() -> Iterator[socket.socket]:
    """A syslog daemon of the test's own, where this machine has none and lets us be one."""
    if LOG.exists() or os.getuid() != 0:
        pytest.skip("needs root, and a machine on which no syslog daemon listens at /dev/log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(LOG))
        daemon.settimeout(2)
        yield daemon
    LOG.unlink()


def test_a_change_is_logged_once_with_user_cluster_and_command(
    syslog: socket.socket, on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    on_tree("vm", "tag", "add", "--all", "two words\u00a0"[:9])
    line = syslog.recv(4096).decode()
    assert line.startswith("<37>")  # facility AUTH, severity notice
    assert "pvc[" in line
    assert line.endswith(f"user=alice cluster={tree.hosts} command=pvc vm tag add --all 'two words'")
    monkeypatch.delenv("SUDO_USER")
    on_tree("vm", "tag", "remove", "web-01", "two words")
    assert f"user={getpass.getuser()} " in syslog.recv(4096).decode()


def test_what_changes_nothing_is_not_logged(syslog: socket.socket, on_tree: Pvc) -> None:
    on_tree("vm", "list")
    on_tree("vm", "tag", "add", "web-01", "t", "--dry-run")
    on_tree("vm", "tag", "add", "web-01", "production")
    on_tree("vm", "tag", "remove", "db-01", "stateful")
    syslog.setblocking(False)
    with pytest.raises(BlockingIOError):
        syslog.recv(4096)
