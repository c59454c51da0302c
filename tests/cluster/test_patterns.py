from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.cluster.patterns import check_pattern, glob_instead, looks_like_glob
from pvc_cli.errors import InvalidInputError


@pytest.mark.parametrize(
    ("pattern", "glob"),
    [
        ("web-0*", True), ("web-?", True), ("*web", True), ("*", True),
        ("web-.*", False), ("^web-0*", False), ("web-[0-9]*", False), ("(web)*", False),
        ("web", False), ("a|b*", False),
    ],
)  # fmt: skip
def test_a_shell_pattern_in_place_of_a_regular_expression_is_noticed(pattern: str, glob: bool) -> None:
    assert looks_like_glob(pattern) is glob


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("*web", "try 'web$'"), ("*web*", "try 'web'"), ("?web-*", None), ("*web-0?", "try 'web-0.$'"), ("(", None),
    ],
)  # fmt: skip
def test_what_can_only_be_a_shell_pattern_is_refused_with_the_expression_for_it(
    pattern: str, advice: str | None
) -> None:
    with pytest.raises(InvalidInputError) as error:
        check_pattern(pattern)
    assert advice is None or str(error.value).endswith(advice)


@pytest.mark.parametrize(
    ("word", "glob"),
    [
        ("^web-", "web-*"), ("web-.*", "*web-*"), ("^web-01$", "web-01"), ("-db$", "*-db"), ("^.*$", "*"),
        ("web-01", None), ("web-*", None), ("web|db", None), (r"web\d", None),
    ],
)  # fmt: skip
def test_a_regular_expression_in_place_of_a_shell_pattern_has_one_to_try(word: str, glob: str | None) -> None:
    assert glob_instead(word) == glob


@given(st.text("ab-^$.*", max_size=6), st.text("ab-.", max_size=6))
def test_the_one_to_try_matches_the_same_names(word: str, name: str) -> None:
    glob = glob_instead(word)
    plain = word.removeprefix("^").removesuffix("$").replace(".*", "")
    if glob is not None and re.fullmatch("[ab-]*", plain):
        assert fnmatchcase(name, glob) == bool(re.search(word, name))
