"""What a person sees on a terminal of 80 columns."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Tree
from tests.terminal import Terminal


def pvc_on_terminal(tree: Tree, *arguments: str, **environment: str) -> Terminal:
    common = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PVC_COORDINATORS": tree.hosts, "LANG": "C.UTF-8"}
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
    terminal = pvc_on_terminal(demo(vms=200), "vm", "tag", "add", "--all", "t")
    assert terminal.wait_for_end() == 0
    assert "200/200" in terminal.seen
    assert "200 changed, 0 unchanged, 0 refused." in terminal.seen


def test_watching_ends_with_ctrl_c(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "list", "^web-01", "--watch", TERM="xterm")
    terminal.wait_for("start")
    terminal.seen = ""
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"stop")
    terminal.wait_for("stop")
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130
    assert "Traceback" not in terminal.seen
