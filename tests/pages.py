"""What the documentation tells people to type, as the tests run it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TASK = re.compile(r"^# (.+)\n((?:(?!# |\n).*\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Task:
    """A task of a page: what it is called, and its lines."""

    title: str
    lines: str


def page(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """The blocks of a page in *language*."""
    return [block for kind, block in _BLOCK.findall(text) if kind == language]


def tasks(text: str) -> list[Task]:
    """The tasks of a page: in its shell blocks, each a comment and the lines below it, up to an empty line."""
    found = [_TASK.findall(block) for block in blocks(text, "sh") if not block.startswith("#!")]
    return [Task(title, lines) for block in found for title, lines in block]
