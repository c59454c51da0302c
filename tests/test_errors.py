from __future__ import annotations

import ast
import re
from pathlib import Path

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
        (
            "x.json is not a plan: write one with --plan, or use -f for a file of desired state",
            "write one with --plan, or use -f for a file of desired state",
        ),
        ("key 'node.mode' needs an item: name a node", "name a node"),
        ("x is cut off at line 2: the rest is missing; copy it again, or plan again", "copy it again, or plan again"),
        ("PVC_READ_ONLY is set: unset it to change the cluster", "unset it to change the cluster"),
        ("connection 'x' already exists (hv1): replace it with --force", "replace it with --force"),
        ("SR-IOV is disabled: pvc.conf has sriov_enable: no; enable it first", "enable it first"),
        ("the file is older; otherwise plan again", "otherwise plan again"),
        ("3 more refused or failed: -v or -o json lists them all", "-v or -o json lists them all"),
        ("not changed: 'pvc-cli sriov pf drain NODE PF' does it", "'pvc-cli sriov pf drain NODE PF' does it"),
        ("cannot set /x: there is no such item", None),
    ],
)
def test_an_error_for_programs_has_its_advice(message: str, hint: str | None) -> None:
    assert hint_in(message) == hint


_REASONS = frozenset((
    "ZooKeeper", "a", "acquiring", "an", "another", "connection", "expected", "figures", "further", "group", "it",
    "its", "nothing", "schema", "the", "there", "they", "this", "until",
))  # fmt: skip
"""What the last words of an error begin with where they are the reason, and not advice."""


def test_every_error_that_says_what_to_do_has_that_as_its_hint() -> None:
    """What its last words begin with is known to be advice or not to be."""
    unknown = {
        text
        for text in _error_texts()
        if (last := re.split(r"[:;] ", text)[-1]) != text
        if hint_in(text) is None and last.split()[0] not in _REASONS and not last.startswith("{")
    }
    assert not unknown, "hint_in knows these words as advice, or _REASONS as a reason"


def test_a_hint_is_not_cut_within_the_advice() -> None:
    """What is left of a message without its hint does not end with a part of it."""
    starts = {text[: -len(found)] for text in _error_texts() if (found := hint_in(text))}
    # "…: write one, " would be: the last words before the hint are a reason, or it follows them at once.
    assert not [
        start
        for start in starts
        if (last := re.split(r"[:;] ", start)[-1]).endswith(", ") and last.split()[0].isalpha()
        if last != start and last.split()[0] not in _REASONS
    ]


_SAYING = re.compile(r"(Error|Objection|refuse|advise|hint|hint_word|error|fault|fail)$")


def _error_texts() -> set[str]:
    """The texts of all errors in the sources, with {} for what is put in."""
    calls = [
        node
        for file in Path(errors.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and _SAYING.search(getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
    ]
    found = {
        f": {text}" if re.search("hint|advise", ast.unparse(call.func)) else text
        for call in calls
        for given in (*call.args, *(keyword.value for keyword in call.keywords))
        for part in ([given.body, given.orelse] if isinstance(given, ast.IfExp) else [given])
        if " " in (text := _text(part))
    }
    assert len(found) > 300
    return found


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "{}"


def test_every_kind_of_error_has_a_name_of_its_own() -> None:
    def below(kind: type[PvcError]) -> list[type[PvcError]]:
        return [kind, *(found for one in kind.__subclasses__() for found in below(one))]

    for kind in below(PvcError):
        assert re.fullmatch(r"[a-z_]+", kind.kind)
