"""Sizes, shares and counts as people read them."""

from __future__ import annotations

import pytest

from pvc_cli.commands.storage._show import count_text, figure, lines_of, percent_text, size_text


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (None, 1, "?"),
        (0, 1, "0 B"),
        (1023, 1, "1023 B"),
        (1024, 1, "1 KiB"),
        (1536, 1, "1.5 KiB"),
        (20 * 1024**3, 1, "20 GiB"),
        (1874853888, 1024, "1.7 TiB"),
        (2**70, 1, "1048576 PiB"),
    ],
)
def test_a_size_has_the_unit_that_suits_it(amount: float | None, unit: int, text: str) -> None:
    assert size_text(amount, unit=unit) == text


@pytest.mark.parametrize("value", [None, True, "12", [1], {}, 10**400, -(10**400)])
def test_what_is_not_a_number_of_this_world_is_unknown(value: object) -> None:
    assert figure({"size": value}, "size") is None
    assert count_text({"size": value}, "size") == "?"


def test_statistics_that_are_missing_are_unknown() -> None:
    assert figure(None, "size") is None
    assert figure({}, "size") is None
    assert count_text({"pgs": 256}, "pgs") == "256"
    assert (percent_text(None), percent_text(22.986), percent_text(0)) == ("?", "23.0 %", "0.0 %")


def test_no_line_of_a_text_acts_on_the_terminal() -> None:
    assert lines_of("one\n\x1b[2Jtwo\n") == ["one", r"\x1b[2Jtwo"]
    assert lines_of(None) == []
