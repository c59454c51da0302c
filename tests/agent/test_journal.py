"""What the agent writes, and what becomes of it where it cannot be written."""

from __future__ import annotations

import contextlib
import os

import pytest

from pvc_cli.agent.journal import Journal

SIZE = 1 << 20


def test_lines_that_could_not_be_written_are_counted_and_said_later(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        journal = Journal()
        journal.write("before")
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        journal.write("one")
        journal.write("two", "warning")
        assert os.read(reader, SIZE).startswith(b"before\nxxx")
        journal.write("after")
        journal.write("at last")
    assert os.read(reader, SIZE) == b"Warning: 2 lines before this one could not be written\nafter\nat last\n"
    os.close(reader)


def test_a_program_that_replaced_standard_error_gets_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Journal().write("VF ens1f0v1 \x1b[31mregistered", "notice")
    assert capsys.readouterr().err == "VF ens1f0v1 \\x1b[31mregistered\n"


def test_nothing_is_said_twice_until_it_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal()
    for _ in range(2):
        journal.write_once("link", "down")
    journal.clear("link")
    journal.write_once("link", "down")
    assert capsys.readouterr().err == "Warning: down\n" * 2
