"""The examples of the page on the library, run as they stand, on a demo cluster."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from tests.conftest import Tree

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
HOSTS = "hv1:2181,hv2:2181,hv3:2181"


def test_the_examples_of_the_library_page_are_true(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text().replace(HOSTS, tree.hosts)
    runner = doctest.DocTestRunner()
    example = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    failed, tried = runner.run(example)
    assert failed == 0
    assert tried > 50
