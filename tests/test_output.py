from __future__ import annotations

import csv
import functools
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate

from pvc_cli.errors import InvalidInputError
from pvc_cli.output.cells import Cell, Row
from pvc_cli.output.layout import Layout
from pvc_cli.output.widths import cut, width, wrap
from pvc_cli.output.writer import Document, Format, Output


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard output a terminal 40 columns wide; *capsys* puts its own stream there first."""
    del capsys
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    monkeypatch.setattr(type(sys.stdout), "fileno", lambda _: 1)
    monkeypatch.setattr(os, "get_terminal_size", lambda _fd: os.terminal_size((40, 24)))


def show(output: Output, style: Format, value: Document | list[Document]) -> None:
    output.style = style
    output.show(lambda: value, names=lambda: ["a\x1b", "b"], table=lambda: "T")


def test_a_list_in_json_has_one_element_a_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(Output(), "json", [{"n": 1}, {"n": None}])
    out = capsys.readouterr().out
    assert out == '[{"n": 1},\n {"n": null}]\n'
    assert json.loads(out) == [{"n": 1}, {"n": None}]


HOSTILE: Document = {"name": "ß\u202e\x1b\x7f\x9b\U000e0001", "list": (1, True, None), "quoted": "no"}
STYLES: tuple[Format, ...] = ("json", "json-pretty", "jsonl", "yaml")


@pytest.mark.parametrize("style", STYLES)
def test_documents_are_readable_where_that_is_safe(capsys: pytest.CaptureFixture[str], style: Format) -> None:
    show(Output(), style, HOSTILE)
    out = capsys.readouterr().out
    assert "ß" in out
    assert all(char.isprintable() or char == "\n" for char in out)
    assert (yaml.safe_load if style == "yaml" else json.loads)(out) == {**HOSTILE, "list": [1, True, None]}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_documents_are_ascii_where_the_locale_is_not_utf_8(
    monkeypatch: pytest.MonkeyPatch, style: Format, encoding: str
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    show(Output(), style, HOSTILE)
    stream.seek(0)
    out = stream.read()
    assert out.isascii()
    assert (yaml.safe_load if style == "yaml" else json.loads)(out) == {**HOSTILE, "list": [1, True, None]}


def test_a_surrogate_is_escaped_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(Output(), "json", {"name": "\udcff"})
    assert capsys.readouterr().out == '{"name": "\\udcff"}\n'


def test_json_lines_are_one_document_a_line_and_come_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    def documents() -> Iterator[Document]:
        yield {"n": 1}
        assert capsys.readouterr().out == '{"n": 1}\n'
        yield {"n": "two\nlines"}

    output = Output()
    output.style = "jsonl"
    output.show(documents, names=list, table=str)
    assert capsys.readouterr().out == '{"n": "two\\nlines"}\n'
    output.show(list, names=list, table=str)
    assert capsys.readouterr().out == ""


def test_csv_has_every_column_and_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.style = "csv"
    rows: list[Row] = [
        ["web-01", Cell("4 GiB", value=4096), None, 'a,b "c"'],
        ["=1+1", Cell("?", value=None), 1.5, "-x\n\u202e"],
    ]
    output.show(list, names=list, table=lambda: output.table(("NAME", "MEMORY", "LOAD"), rows, wide=("TAGS",)))
    out = capsys.readouterr().out
    assert out == ('NAME,MEMORY,LOAD,TAGS\r\nweb-01,4096,,"a,b ""c"""\r\n\'=1+1,,1.5,\'-x\\n\\u202e\r\n')
    assert [len(row) for row in csv.reader(io.StringIO(out, newline=""))] == [4, 4, 4]


def test_csv_of_nothing_has_its_headers(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.style = "csv"
    output.show(list, names=list, table=lambda: output.table(("NAME",), []))
    assert capsys.readouterr().out == "NAME\r\n"


def test_numbers_are_aligned_to_the_right_unless_texts_are_among_them() -> None:
    rows: list[Row] = [[1, "1", Cell("10 GiB", value=10)], [None, "2", Cell("5 GiB", value=5)], [100, "x", None]]
    assert Output().table(("VMS", "NAME", "MEMORY"), rows).splitlines() == [
        "VMS  NAME  MEMORY",
        "  1  1     10 GiB",
        "  ?  2      5 GiB",
        "100  x          ?",
    ]
    assert Output().table(("N",), [[1], ["many"]]).splitlines() == ["N", "1", "many"]


def test_columns_are_chosen_by_name_and_further_ones_shown_where_asked_for() -> None:
    output = Output()
    rows: list[Row] = [["web-01", "start", "u1"]]
    assert output.table(("NAME", "TX MAX"), rows, wide=("UUID",)) == "NAME    TX MAX\nweb-01  start"
    output.layout = Layout(columns=("uuid", "tx-max"), headers=False)
    assert output.table(("NAME", "TX MAX"), rows, wide=("UUID",)) == "u1  start"
    output.layout, output.style = Layout(), "wide"
    assert output.table(("NAME", "TX MAX"), rows, wide=("UUID",)).splitlines()[0] == "NAME    TX MAX  UUID"


def test_a_column_that_does_not_exist_is_refused_with_a_suggestion() -> None:
    with pytest.raises(InvalidInputError, match="there is no column 'nme': did you mean 'NAME'"):
        Layout(columns=("nme",)).choose(("NAME", "STATE"), 2)
    with pytest.raises(InvalidInputError, match="there is no column '': choose from NAME, TX-MAX"):
        Layout(sort=("-",)).order(("NAME", "TX MAX"))


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
def test_the_least_important_columns_make_room_first(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(colour=False)
    output.layout = Layout(least=("B", "A", "NAME"))
    row: Row = ["x" * 30, 123456789012, "y" * 30, 123456789012, 5]
    output.show(list, names=list, table=lambda: output.table(("NAME", "A", "TEXT", "B", "C"), [row], wrap=2))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "A", "TEXT", "C"]
    assert lines[2:] == ["No room for the column B."]


@pytest.mark.usefixtures("terminal")
def test_numbers_are_shown_whole_or_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(colour=False)
    row: Row = ["x" * 30, 123456789012, "y" * 30, 123456789012, 5]
    headers = ("NAME", "A", "TEXT", "B", "C")
    output.show(list, names=list, table=lambda: output.table(headers, [row]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["x" * 15 + "…", "123456789012", "yyyyyyy…"]
    assert lines[2:] == ["No room for the columns B, C."]
    assert max(map(len, lines)) <= 40


@pytest.mark.usefixtures("terminal")
def test_a_column_that_would_say_nothing_gives_way_to_those_before_it() -> None:
    rows: list[Row] = [["pvchv1", "secondary", 7, "ready", "x"], ["pvchv2", "primary", 4, "flushed", "y"]]
    lines = Output(colour=False).table(("NODE", "ROLE", "VIRTUAL", "STATE", "FURTHER ON"), rows).splitlines()
    assert lines == [
        "NODE    ROLE       VIRTUAL  STATE",
        "pvchv1  secondary        7  ready",
        "pvchv2  primary          4  flushed",
    ]


@pytest.mark.usefixtures("terminal")
def test_a_wrapped_column_without_room_leaves_no_empty_lines() -> None:
    row: Row = ["a" * 20, "b" * 16, "one two three four five six seven eight"]
    assert len(Output(colour=False).table(("A", "B", "C"), [row], wrap=2).splitlines()) == 2


@pytest.mark.usefixtures("terminal")
def test_wide_characters_are_aligned_and_cut_by_the_room_they_take() -> None:
    rows = [["日本語サーバー", "a"], ["e\u0301" * 7, "b"], ["plain", "c" * 80]]
    lines = Output(colour=False).table(("NAME", "X"), rows).splitlines()
    assert [width(line) for line in lines] == [17, 17, 17, 40]
    assert lines[3].endswith("…")
    fitting = {6: "日本語", 5: "日本…", 4: "日…", 3: "日…", 2: "…", 1: "…", 0: ""}
    assert {columns: cut("日本語", columns) for columns in fitting} == fitting


def test_long_texts_go_on_in_lines_of_their_own() -> None:
    assert wrap("one two 日本語日本語 x", 7) == ["one two", "日本語", "日本語", "x"]
    assert wrap("", 7) == [""]


def test_a_terminal_that_does_not_know_its_width_gets_whole_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
    monkeypatch.setattr(os, "get_terminal_size", lambda _fd: os.terminal_size((0, 0)))
    assert Output(colour=False).table(("NAME",), [["x" * 300]]).splitlines()[1] == "x" * 300


@pytest.mark.usefixtures("terminal")
def test_a_footer_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet, style, said in (
        (False, "table", "2 VMs\n"),
        (True, "table", ""),
        (False, "csv", ""),
        (False, "json", ""),
    ):
        output = Output(colour=False, quiet=quiet)
        output.style = cast("Format", style)
        output.footer("2 VMs")
        assert capsys.readouterr().out == said


@pytest.mark.usefixtures("terminal")
def test_a_dumb_terminal_gets_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in Output().table(("STATE",), [[Cell("start", "green")]])


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


CELLS = st.builds(Cell, st.text("ab 0-.,", max_size=9), st.sampled_from(("", "red", "green")), st.just(""))


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=6)))
def test_a_plain_table_looks_the_same_as_tabulate_lays_it_out(rows: list[list[Cell]]) -> None:
    headers = ["NAME"] * len(rows[0])
    for colour in (True, False):
        output = Output(colour=colour)
        output.style = "wide"  # a table leaves out columns that are empty
        cells = [[output.paint(cell.text.strip(), cell.colour) for cell in row] for row in rows]
        painted = [[output.paint(header, "bold") for header in headers], *cells]
        assert output.table(headers, rows) == tabulate(painted, tablefmt="plain", disable_numparse=True)


def test_a_column_that_is_empty_in_every_row_is_left_out_unless_it_is_asked_for() -> None:
    output = Output(colour=False)
    rows: list[list[str | Cell]] = [["a", "", Cell("", value=None), "x"], ["b", "", "", ""]]
    headers = ("NAME", "TAGS", "STATUS", "NOTE")
    assert output.table(headers, rows).splitlines() == ["NAME  NOTE", "a     x", "b"]
    assert output.table(headers[:2], [row[:2] for row in rows], wrap=1).splitlines() == ["NAME", "a", "b"]
    output.layout = Layout(columns=("name", "tags"))
    assert output.table(headers, rows).splitlines() == ["NAME  TAGS", "a", "b"]
    output.layout, output.style = Layout(), "wide"
    assert output.table(headers, rows).splitlines()[0].split() == list(headers)
    output.style = "csv"
    assert output.table(headers, rows).splitlines()[0] == "NAME,TAGS,STATUS,NOTE"


def test_a_script_that_counts_columns_keeps_the_empty_ones() -> None:
    output = Output(colour=False)
    output.layout = Layout(headers=False)
    assert output.table(("A", "B", "C"), [["a", "", "c"], ["d", "", "f"]]).splitlines() == ["a    c", "d    f"]


@pytest.mark.usefixtures("terminal")
def test_a_mark_is_explained_once_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[list[str | Cell]] = [
        ["a", Cell("hv1 !", "red", "hv1", "! far away")],
        ["b", Cell("hv2 !", "red", "hv2", "! far away")],
    ]
    for style, lines in (("table", ["! far away"]), ("csv", [])):
        output = Output(colour=False)
        output.style = cast("Format", style)
        output.show(dict, names=list, table=functools.partial(output.table, ("NAME", "NODE"), rows))
        out = capsys.readouterr().out.splitlines()
        assert out[3:] == lines
    output = Output(colour=False)
    output.layout = Layout(columns=("name",))
    output.show(dict, names=list, table=lambda: output.table(("NAME", "NODE"), rows))
    assert "far" not in capsys.readouterr().out


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("names", "at"),
    [
        ([["pvchv1", "ens1f0v0"], ["pvchv1", "ens1f0v1"]], 1),
        ([["monitor-01", "start"], ["monitor-02", "start"]], 0),
        ([["日本語サーバー1", "start"], ["日本語サーバー2", "start"]], 0),
    ],
)
def test_what_tells_rows_apart_is_not_cut(names: list[list[str]], at: int) -> None:
    rows: list[Row] = [[*row, "t" * 20, "u" * 20] for row in names]
    for columns in (40, 30, 25, 20):
        with pytest.MonkeyPatch.context() as size:
            size.setattr(os, "get_terminal_size", lambda _fd, columns=columns: os.terminal_size((columns, 24)))
            lines = Output(colour=False).table(("NAME", "SECOND", "THIRD", "FOURTH"), rows).splitlines()
        assert max(map(width, lines)) <= columns
        assert all(row[at] in line for row, line in zip(names, lines[1:], strict=True))


@pytest.mark.usefixtures("terminal")
def test_details_go_on_below_where_they_began_and_no_word_is_broken() -> None:
    uuid = "6b5299ee-0cbe-57c1-bbca-3fb17f4934f8"
    output = Output(colour=False)
    assert output.fields([("Network", "2001  52:54:00:6b:52:99  bridge vmbr2001 virtio"), ("UUID", uuid)]) == (
        "Network: 2001 52:54:00:6b:52:99 bridge\n         vmbr2001 virtio\nUUID:    " + uuid
    )
    assert output.fields([("A", ""), ("B", "two  spaces")]) == "A: \nB: two  spaces"
    assert output.paragraph("All nodes know version 15 and no newer one.") == (
        "All nodes know version 15 and no newer\none."
    )
