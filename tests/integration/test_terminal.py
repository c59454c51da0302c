"""What a person sees on a terminal of 80 columns."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from pvc_cli.zk import ZKHandler
from tests.conftest import Tree, without_daemons
from tests.terminal import Terminal


def pvc_on_terminal(tree: Tree, *arguments: str, **environment: str) -> Terminal:
    common = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PVC_COORDINATORS": tree.hosts, "LANG": "C.UTF-8"}
    common |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return Terminal([str(Path(sys.executable).with_name("pvc")), *arguments], {**common, **environment})


def test_a_table_is_coloured_and_no_wider_than_the_terminal(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "list")
    assert terminal.wait_for_end() == 0
    assert "\x1b[32mstart\x1b[0m" in terminal.seen
    lines = re.sub(r"\x1b\[\d+m", "", terminal.seen).split("\r\n")
    assert max(map(len, lines)) <= 80
    assert len(lines) == 22


def test_no_color_means_none(tree: Tree) -> None:
    for terminal in (
        pvc_on_terminal(tree, "vm", "list", NO_COLOR="1"),
        pvc_on_terminal(tree, "--no-color", "vm", "list"),
    ):
        assert terminal.wait_for_end() == 0
        assert "\x1b" not in terminal.seen


def test_json_on_a_terminal_is_indented(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "tag", "list", "db-01", "-o", "json")
    assert terminal.wait_for_end() == 0
    assert terminal.seen.startswith('{\r\n  "name": "db-01"')


def test_a_bulk_change_shows_how_far_it_is(demo: Callable[..., Tree]) -> None:
    terminal = pvc_on_terminal(demo(vms=200), "vm", "tag", "add", "--all", "t", "--yes")
    assert terminal.wait_for_end() == 0
    assert "200/200" in terminal.seen
    assert "200 changed, 0 unchanged, 0 refused." in terminal.seen


def test_watching_redraws_only_what_changed_and_leaves_a_clean_screen(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "--no-color", "vm", "list", "^(db|dns)-0", "--watch", TERM="xterm")
    terminal.wait_for("dns-02")
    assert terminal.seen.startswith("\x1b[?1049h")
    terminal.seen = ""
    tree.put(f"/domains/{tree.uuid('db-02')}/state", b"fail")
    terminal.wait_for("fail")
    assert re.fullmatch(r"\x1b\[3Hdb-02 +fail +pvchv1[^\x1b]+\x1b\[K", terminal.seen)
    terminal.seen = ""
    with ZKHandler(tree.hosts) as handler:
        handler.delete([("domain", tree.uuid("dns-02"))])
    terminal.wait_for("\x1b[J")
    assert terminal.seen == "\x1b[5H\x1b[J"
    terminal.seen = ""
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130
    assert terminal.seen == "^C\x1b[?7h\x1b[?25h\x1b[?1049l"


def test_watching_follows_the_size_of_the_terminal(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "--no-color", "vm", "list", "--watch", TERM="xterm")
    terminal.wait_for("web-02")
    terminal.seen = ""
    terminal.resize(10, 74)
    terminal.wait_for("… 12 more lines")
    rows = re.sub(r"\x1b\[\d*[HKJ]", "\n", terminal.seen).split("\n")
    assert max(map(len, rows)) <= 74
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130


def test_an_error_ends_the_watching_on_the_screen_that_was_there_before(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "list", "--watch", "-t", "pvchv3", TERM="xterm")
    terminal.wait_for("start")
    terminal.seen = ""
    tree.client.delete("/nodes/pvchv3", recursive=True)
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"fail")
    assert terminal.wait_for_end() == 1
    assert re.search(r"1049lError: there is no node 'pvchv3'", terminal.seen)


def test_a_dry_run_is_a_tree_every_changed_line_marked(demo: Callable[..., Tree]) -> None:
    terminal = pvc_on_terminal(
        without_daemons(demo)(version=9), "--no-color", "schema", "upgrade", "--to", "10", "--dry-run"
    )
    assert terminal.wait_for_end() == 0
    assert terminal.seen.split("\r\n")[:-2] == [
        "              /ceph",
        "                /osds",
        "                  /0",
        "would create        /is_split = 'False'",
        "                  /1",
        "would create        /is_split = 'False'",
        "                  /2",
        "would create        /is_split = 'False'",
        "              /schema",
        "would set       /version = '10'",
        "              /cmd",
        "would delete    /nodes",
        "would delete    /domains",
        "would delete    /ceph",
        "would delete  /cmd",
    ]


def test_an_upgrade_asks_and_takes_no_for_an_answer(demo: Callable[..., Tree]) -> None:
    tree = demo(version=14)
    terminal = pvc_on_terminal(tree, "schema", "upgrade", "--no-backup")
    terminal.wait_for("Migrate from schema version 14 to 15? All PVC daemons will restart. [y/N]")
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1
    assert "Error: not confirmed: nothing was changed" in terminal.seen
    assert tree.client.get("/schema/version")[0] == b"14"
    terminal = pvc_on_terminal(tree, "schema", "upgrade", "--no-backup")
    terminal.wait_for("[y/N]")
    terminal.type("y\n")
    assert terminal.wait_for_end() == 0
    assert "Schema version is now 15 (was 14): 1 created, 0 moved, 1 set, 0 deleted." in terminal.seen


def test_ctrl_c_stops_a_run_between_transactions_and_says_how_to_go_on(demo: Callable[..., Tree]) -> None:
    """Hold the lock, so that Ctrl-C is pressed before the first transaction; then let go."""
    tree = demo(version=0)
    lock = tree.client.Lock("/schema/version", "a daemon")
    lock.acquire()
    terminal = pvc_on_terminal(tree, "schema", "upgrade", "--yes", "--no-backup")
    terminal.wait_for("held by a daemon")
    before = tree.dump("/domains")
    terminal.type("\x03")
    # The terminal sends the signal before it shows that it did.
    terminal.wait_for("^C")
    lock.release()
    assert terminal.wait_for_end() == 130
    assert "rerun the same command to finish" in terminal.seen
    assert tree.dump("/domains") == before
    assert pvc_on_terminal(tree, "schema", "upgrade", "--yes", "--no-backup").wait_for_end() == 0
