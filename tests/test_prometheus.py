"""Prometheus' text format: whatever a label's value is, it stays one."""

from __future__ import annotations

import subprocess

from pvc_cli.output.prometheus import render_metrics
from tests.tools import tool

HOSTILE = 'a"} 1\nevil 2 \\ \r\ud800 ü\u2028'


def page(*families: tuple[str, str, list[tuple[dict[str, str], float | None]]]) -> str:
    return "".join(render_metrics(families))


def test_a_family_has_help_type_and_a_line_for_each_value() -> None:
    assert page(("pvc_vms", "VMs by state.", [({"state": "start"}, 18), ({"state": "stop"}, 1.5)])) == (
        '# HELP pvc_vms VMs by state.\n# TYPE pvc_vms gauge\npvc_vms{state="start"} 18\npvc_vms{state="stop"} 1.5\n'
    )


def test_a_number_is_written_without_losing_digits() -> None:
    assert page(("x", "X.", [({}, 1_767_582_764)])).endswith("\nx 1767582764\n")
    assert page(("x", "X.", [({}, True)])).endswith("\nx 1\n")


def test_what_is_not_known_is_left_out_and_so_is_a_family_of_nothing_else() -> None:
    assert page(("x", "X.", [({}, None)])) == ""
    assert page(("x", "X.", [({"a": "1"}, None), ({"a": "2"}, 0)])).splitlines()[2:] == ['x{a="2"} 0']


def test_a_hostile_value_ends_neither_its_label_nor_its_line() -> None:
    text = page(("x", "X.", [({"a": HOSTILE}, 1)]))
    assert text.count("\n") == 3
    assert text.splitlines(keepends=False)[2].startswith('x{a="a\\"} 1\\nevil 2 \\\\  ? ü')
    check = subprocess.run([tool("promtool"), "check", "metrics"], input=text.encode(), capture_output=True)
    assert (check.returncode, check.stderr) == (0, b"")
