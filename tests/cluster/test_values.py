from __future__ import annotations

import pytest

from pvc_cli.cluster.values import (
    natural_key,
    parse_bool,
    parse_float,
    parse_int,
    parse_json,
    parse_list,
    parse_object,
    parse_text,
)


@pytest.mark.parametrize("text", ["y", "yes", "T", "true", "True", "ON", "1", " true\n"])
def test_true(text: str) -> None:
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["n", "no", "F", "false", "False", "OFF", "0", ""])
def test_false(text: str) -> None:
    assert parse_bool(text) is False


@pytest.mark.parametrize("text", [None, "maybe", "2", "\x00"])
def test_neither(text: str | None) -> None:
    assert parse_bool(text) is None


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("-1", -1), ("", None), (None, None), ("1.5", None), ("x", None)]
)
def test_numbers(text: str | None, number: int | None) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("1.5", 1.5), ("2", 2.0), ("nan", None), ("inf", None), ("", None), (None, None)]
)
def test_finite_numbers(text: str | None, number: float | None) -> None:
    assert parse_float(text) == number


def test_lists_have_no_empty_parts() -> None:
    assert parse_list("a,, b ,") == ("a", "b")
    assert parse_list(" a  b\n", None) == ("a", "b")
    assert parse_list(None) == ()


def test_names_sort_naturally() -> None:
    names = ["ens1f0v10", "ens1f0v2", "ens1f0", "1", "a", "10", "9", "", "²"]
    assert sorted([*names, "7" * 5000, "07"], key=natural_key)[1:4] == ["1", "07", "9"]
    assert sorted(names, key=natural_key) == ["", "1", "9", "10", "a", "ens1f0", "ens1f0v2", "ens1f0v10", "²"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ("7", 7),
        (None, None),
        ("", None),
        ("{", None),
        ("NaN", None),
        ("[1e999, -Infinity, 2]", [None, None, 2]),
        ('"\\ud800x"', "?x"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("[" * 33 + "]" * 33, None),
        ("[" * 100_000, None),
        ("1" * 5_000, None),
    ],
)
def test_json_is_parsed_to_what_can_be_written_again(text: str | None, value: object) -> None:
    assert parse_json(text) == value


def test_json_may_be_nested_as_deep_as_documents_are() -> None:
    assert parse_json("[" * 32 + "]" * 32) is not None


@pytest.mark.parametrize(("text", "value"), [(None, None), ("", None), ("None", None), ("none", "none"), (" ", " ")])
def test_pvcs_word_for_nothing_is_nothing(text: str | None, value: str | None) -> None:
    assert parse_text(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": [2.5, null]}', {"a": 1, "b": [2.5, None]}),
        ("{}", {}),
        ('{"a": NaN, "b": 1e999}', {"a": None, "b": None}),
        *((bad, None) for bad in (None, "", "{", "[]", "1", "null", "NaN")),
        ("[" * 100_000, None),
    ],
)
def test_only_a_json_object_is_one(text: str | None, value: object) -> None:
    assert parse_object(text) == value
