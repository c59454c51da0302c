"""A list that is watched, while its servers are away."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Server, free_ports
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.integration.test_terminal import pvc_on_terminal
from tests.terminal import Terminal

LOST = re.compile(r"connection lost since \d\d:\d\d:\d\d: retrying")


@pytest.fixture
def away(zookeeper: None, tmp_path: Path) -> Iterator[Server]:
    """A server of a test's own, with a demo cluster of 5 VMs, which it may end and start."""
    server = Server(tmp_path / "server", free_ports(1)[0])
    server.start()
    with ZKHandler(server.hosts) as handler:
        fill(handler, vms=5, schema=ZKSchema())
    yield server
    server.stop()


def watch(server: Server, *words: str) -> Terminal:
    return pvc_on_terminal(server, "--no-color", "--timeout", "1", *words, "--watch", TERM="xterm")


def put_state(server: Server, state: str) -> None:
    with ZKHandler(server.hosts) as handler:
        (uuid,) = [
            uuid for uuid in handler.children("base.domain") or [] if handler.read(("domain", uuid)) == "web-01"
        ]
        handler.write([(("domain.state", uuid), state)])


@pytest.mark.parametrize(
    ("words", "shown"), [(("vm", "list"), "5 VMs"), (("node", "list"), "3 nodes"), (("cluster", "status"), "Status:")]
)
def test_watching_says_that_the_connection_is_lost_and_goes_on_when_it_is_back(
    away: Server, words: tuple[str, ...], shown: str
) -> None:
    """As it was: the list stayed as if it were true, and an error ended it after --timeout."""
    terminal = watch(away, *words)
    terminal.wait_for(shown)
    terminal.seen = ""
    away.stop()
    terminal.wait_for("retrying")
    assert LOST.search(terminal.seen)
    with pytest.raises(AssertionError, match="never shown"):
        terminal.wait_for("Error", timeout=3)  # longer than --timeout
    terminal.seen = ""
    away.start()
    put_state(away, "fail")
    terminal.wait_for("web-01 failed" if words[0] == "cluster" else "\x1b[J")
    terminal.type("q")
    assert terminal.wait_for_end() == (1 if words[0] == "cluster" else 0)
    assert "Error" not in terminal.seen


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("\x03", 130)])
def test_watching_ends_at_once_while_the_connection_is_lost(away: Server, key: str, code: int) -> None:
    terminal = watch(away, "vm", "list")
    terminal.wait_for("5 VMs")
    away.stop()
    terminal.wait_for("retrying")
    terminal.type(key)
    assert terminal.wait_for_end(timeout=5) == code


def test_a_program_that_watches_hears_once_that_the_connection_is_lost_and_reads_on(away: Server) -> None:
    command = [sys.executable, "-m", "pvc_cli", "--coordinators", away.hosts, "--timeout", "1", "vm", "list"]
    with subprocess.Popen(
        [*command, "^web-01$", "--watch", "-o", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["state"] == "start"
        away.stop()
        assert LOST.search(process.stderr.readline())
        away.start()
        put_state(away, "fail")
        while json.loads(process.stdout.readline())["state"] != "fail":
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_a_first_look_that_fails_is_an_error(away: Server) -> None:
    away.stop()
    terminal = watch(away, "vm", "list")
    assert terminal.wait_for_end() == 4
    assert "Error: ZooKeeper at" in terminal.seen
