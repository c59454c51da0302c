"""The documentation is true: generated pages are current, and every command is covered."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click

from benchmarks import bench
from tests.command_tree import leaves

ROOT = Path(__file__).parents[1]


def test_the_page_on_the_schema_is_current() -> None:
    spec = importlib.util.spec_from_file_location("schema_page", ROOT / "docs" / "schema_page.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "schema.md").read_text() == module.page(), "run 'make docs'"


def test_the_figures_are_those_of_the_last_run() -> None:
    for file, text in bench.pages(*bench.load()).items():
        assert file.read_text() == text, "run 'python -m benchmarks.bench --again'"


def test_every_command_is_in_the_readme_or_the_docs() -> None:
    text = "".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    spellings: dict[click.Command, list[str]] = {}
    for words, command in leaves():
        spellings.setdefault(command, []).append(" ".join(("pvc", *words)))
    assert [known for known in spellings.values() if not any(name in text for name in known)] == []


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
    links = [(page, target) for page in pages for target in re.findall(r"\]\(([^)#]+)\)", page.read_text())]
    inside = [page.parent / target for page, target in links if not target.startswith("https://")]
    assert len(inside) >= 10
    assert [str(target) for target in inside if not target.exists()] == []
