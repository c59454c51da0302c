from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pvc_cli.files import replace_file


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    replace_file(path, "old")
    path.chmod(0o644)
    replace_file(path, "ß\n")
    assert path.read_text(encoding="utf-8") == "ß\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_what_cannot_be_replaced_is_left_and_nothing_else_appears(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        replace_file(tmp_path / "taken", "text")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
