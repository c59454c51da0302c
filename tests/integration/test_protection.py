"""A change of many asks first, and nothing is changed where nothing may be."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from tests.conftest import Pvc, Tree
from tests.terminal import Terminal


def on_terminal(tree: Tree, *words: str) -> Terminal:
    return Terminal([sys.executable, "-m", "pvc_cli", "--coordinators", tree.hosts, *words], dict(os.environ))


@pytest.mark.parametrize(
    "words",
    [
        ("vm", "stop", "--all"),
        ("vm", "disable", "--all", "--force"),
        ("vm", "migrate", "--all"),
        ("vm", "meta", "set", "--all", "--autostart"),
        ("vm", "tag", "add", "--all", "blue"),
        ("vm", "tag", "remove", "--all", "production", "--if-exists"),
    ],
)
def test_a_change_of_many_vms_asks_on_a_terminal(demo: Callable[..., Tree], words: tuple[str, ...]) -> None:
    tree = demo(vms=30)
    before = tree.dump()
    terminal = on_terminal(tree, *words)
    terminal.wait_for(f"Change 30 VMs of {tree.hosts}? [y/N]: ")
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1
    assert "not confirmed: nothing was changed" in terminal.seen
    assert tree.dump() == before
    # A dry run does not.
    dry = on_terminal(tree, *words, "--dry-run")
    assert dry.wait_for_end() in (0, 1)
    assert "Change 30 VMs" not in dry.seen


def test_few_vms_scripts_and_yes_are_not_asked(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(vms=30)
    few = on_terminal(tree, "vm", "tag", "add", "web-*", "blue")
    assert few.wait_for_end() == 0
    assert on_terminal(tree, "vm", "tag", "add", "--all", "green", "--yes").wait_for_end() == 0
    assert pvc("--coordinators", tree.hosts, "vm", "tag", "add", "--all", "red").code == 0


@pytest.mark.parametrize("value", ["1", "yes", "anything"])
def test_a_read_only_environment_changes_nothing(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    before = tree.dump()
    monkeypatch.setenv("PVC_READ_ONLY", value)
    for words in (
        ("vm", "tag", "add", "web-01", "blue"),
        ("vm", "stop", "web-01"),
        ("schema", "rollback", "--to", "14", "--force", "--yes", "--no-backup"),
        ("key", "set", "base.config.maintenance", "true"),
    ):
        result = on_tree(*words)
        assert (result.code, tree.dump()) == (1, before)
        assert "PVC_READ_ONLY is set: unset it to change the cluster" in result.err
    assert on_tree("vm", "list").code == 0
    assert on_tree("vm", "tag", "add", "web-01", "blue", "--dry-run").code == 0
    monkeypatch.setenv("PVC_READ_ONLY", "0")
    assert on_tree("vm", "tag", "add", "web-01", "blue").code == 0
