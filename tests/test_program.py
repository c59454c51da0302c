from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pvc_cli.program import own_commands, own_hints
from tests.conftest import Tree


@pytest.fixture
def renamed(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run pvc by the name that Debian's package gives it beside PVC's own client."""
    link = tmp_path / "pvc-cli"
    link.symlink_to(Path(sys.executable).parent / "pvc")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(tmp_path), "PATH": os.defpath}
        return subprocess.run([link, *words], capture_output=True, text=True, check=False, env=environment)

    return run


def test_hints_and_help_name_the_command_that_people_type(
    renamed: Callable[..., subprocess.CompletedProcess[str]], tree: Tree
) -> None:
    on_tree = partial(renamed, "--coordinators", tree.hosts)
    assert on_tree("vm", "lst").stderr == (
        "Error: No such command 'lst': did you mean 'list'? See 'pvc-cli vm --help'\n"
    )
    assert on_tree("vm", "info", "zzz").stderr == "Error: there is no VM 'zzz': see 'pvc-cli vm list'\n"
    shown = renamed("vm", "list", "--help").stdout
    assert shown.startswith("Usage: pvc-cli vm list [OPTIONS]")
    assert "  pvc-cli vm list '^web-' -s start\n" in shown
    assert " pvc vm" not in shown
    status = on_tree("cluster", "status").stdout
    assert "pvc-cli vm info lab-02" in status
    assert " pvc " not in status
    assert "pvc-cli connection add" in renamed("vm", "list").stderr


def test_nothing_but_commands_is_renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pvc-cli"])
    assert (
        own_hints("VM 'pvc1': see 'pvc vm list', not pvc vm list")
        == "VM 'pvc1': see 'pvc-cli vm list', not pvc vm list"
    )
    assert (
        own_commands("PVC, /etc/pvc/pvc.conf, pvchv1, pvc vm list")
        == "PVC, /etc/pvc/pvc.conf, pvchv1, pvc-cli vm list"
    )


def test_a_program_of_another_name_calls_itself_pvc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/lib/python3/dist-packages/pvc_cli/__main__.py"])
    assert own_hints("see 'pvc vm list'") == "see 'pvc vm list'"
