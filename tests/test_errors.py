from __future__ import annotations

import re

import pytest

from pvc_cli import errors
from pvc_cli.errors import PvcError, hint_in


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-01", "web-01"),
        ("naïve ß 漢", "naïve ß 漢"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\x00", "a\\nb\\tc\\x00"),
        ("\u202eevil", "\\u202eevil"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\x9b31m", "\\x9b31m"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, shown: str) -> None:
    assert errors.printable(text) == shown
    assert errors.quoted(text) == f"'{shown}'"


def test_an_error_shows_the_beginning_of_what_is_long() -> None:
    longest = "x" * 64
    assert errors.quoted(longest) == f"'{longest}'"
    assert errors.quoted(longest + "x") == f"'{'x' * 60}…'"
    assert errors.question(["y" * 70]) == f"did you mean '{'y' * 70}'?"


def test_every_error_has_an_exit_code_of_the_contract() -> None:
    found = {error.__name__: error.exit_code for error in _all(errors.PvcError)}
    assert set(found.values()) == {1, 2, 3, 4, 5}
    assert found["OutcomeUnknownError"] == found["UnreachableError"] == 4


def _all(error: type[errors.PvcError]) -> list[type[errors.PvcError]]:
    return [error, *(deeper for child in error.__subclasses__() for deeper in _all(child))]


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("there is no VM 'web-1': did you mean 'web-01'?", "did you mean 'web-01'?"),
        ("there is no node 'x': see 'pvc node list'", "see 'pvc node list'"),
        ("could not lock /x: held by me; retry, or raise --lock-timeout", "retry, or raise --lock-timeout"),
        ("no names on standard input: expected one per line", None),
    ],
)
def test_an_error_for_programs_has_its_advice(message: str, hint: str | None) -> None:
    assert hint_in(message) == hint


def test_every_kind_of_error_has_a_name_of_its_own() -> None:
    def below(kind: type[PvcError]) -> list[type[PvcError]]:
        return [kind, *(found for one in kind.__subclasses__() for found in below(one))]

    for kind in below(PvcError):
        assert re.fullmatch(r"[a-z_]+", kind.kind)
