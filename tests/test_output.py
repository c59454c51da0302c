from __future__ import annotations

import json
import os
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate

from pvc_cli.output.writer import Cell, Document, Format, Output


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard output a terminal 40 columns wide."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
    monkeypatch.setattr(os, "get_terminal_size", lambda _fd: os.terminal_size((40, 24)))


def show(output: Output, style: Format, value: Document | list[Document]) -> None:
    output.style = style
    output.show(lambda: value, names=lambda: ["a\x1b", "b"], table=lambda: "T")


def test_a_list_in_json_has_one_element_a_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(Output(), "json", [{"n": 1}, {"n": None}])
    out = capsys.readouterr().out
    assert out == '[{"n": 1},\n {"n": null}]\n'
    assert json.loads(out) == [{"n": 1}, {"n": None}]


def test_json_and_yaml_hold_the_same_and_are_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    value: Document = {"name": "ß\u202e\x1b", "list": (1, True, None), "quoted": "no"}
    for style in ("json", "json-pretty", "yaml"):
        show(Output(), style, value)
        out = capsys.readouterr().out
        assert out.isascii()
        assert "\x1b" not in out
        assert yaml.safe_load(out) == {"name": "ß\u202e\x1b", "list": [1, True, None], "quoted": "no"}


def test_names_are_one_a_line_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    show(Output(), "name", {})
    assert capsys.readouterr().out == "a\\x1b\nb\n"


def test_nothing_is_printed_for_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.show(list, names=list, table=lambda: output.table(("A",), []))
    assert capsys.readouterr().out == ""


def test_a_pipe_gets_no_colour_and_whole_cells() -> None:
    text = Output().table(("NAME",), [[Cell("x" * 300, "red")]])
    assert text.splitlines() == ["NAME", "x" * 300]


@pytest.mark.usefixtures("terminal")
def test_a_table_fits_the_terminal_and_cuts_its_widest_column() -> None:
    lines = Output(colour=False).table(("NAME", "TAGS"), [["web-01", "t" * 80]]).splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[1].startswith("web-01")
    assert lines[1].endswith("…")


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_colour_unless_it_is_not_wanted() -> None:
    rows = [[Cell("start", "green")]]
    assert "\x1b[32mstart\x1b[0m" in Output().table(("STATE",), rows)
    assert "\x1b" not in Output(colour=False).table(("STATE",), rows)


def test_quiet_drops_messages_but_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(quiet=True)
    output.message("m")
    output.warning("w\x07")
    output.error("e")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Warning: w\\x07\nError: e\n"


CELLS = st.builds(Cell, st.text("ab 0-.,", max_size=9), st.sampled_from(("", "red", "green")))


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=6)))
def test_a_plain_table_looks_the_same_as_tabulate_lays_it_out(rows: list[list[Cell]]) -> None:
    headers = ["NAME"] * len(rows[0])
    for colour in (True, False):
        output = Output(colour=colour)
        cells = [[output.paint(cell.text.strip(), cell.colour) for cell in row] for row in rows]
        painted = [[output.paint(header, "bold") for header in headers], *cells]
        assert output.table(headers, rows) == tabulate(painted, tablefmt="plain", disable_numparse=True)
