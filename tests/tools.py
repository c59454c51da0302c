"""Real programs of others that pvc's output is tried with; ``.ci/setup tools`` installs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

_OWN = Path(__file__).parents[1] / ".venv"


def tool(*names: str) -> str:
    """Return the path of the first of these programs that is there; skip the test if this machine cannot get one."""
    for name in names:
        for folder in (_OWN / "tools" / "bin", _OWN / "ansible" / "bin"):
            if (folder / name).exists():
                return str(folder / name)
        if found := shutil.which(name):
            return found
    pytest.skip(f"there is no {' or '.join(names)} on this machine: run .ci/setup tools")
