"""An option that would do nothing where it stands is refused, before anything is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Pvc, Tree


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("sriov vf audit --plan PLAN", "--dry-run, --plan and --yes go with --fix"),
        ("sriov vf audit --yes", "--dry-run, --plan and --yes go with --fix"),
        ("sriov vf audit --dry-run", "--dry-run, --plan and --yes go with --fix"),
        ("vm tag add web-01 blue --overwrite", "--overwrite goes with --plan"),
        ("vm tag add web-01 blue --overwrite --dry-run", "--overwrite goes with --plan"),
        ("vm tag add web-01 blue --paths", "--paths goes with --dry-run"),
        ("schema upgrade --overwrite --yes", "--overwrite goes with --backup FILE"),
        ("vm stop web-01 --wait-timeout 5", "--wait-timeout goes with --wait"),
        ("node flush pvchv1 --wait-timeout 300", "--wait-timeout goes with --wait"),
        ("vm stop web-01 --wait --plan PLAN", "a plan waits for nothing"),
        ("sriov vf set pvchv1 ens1f0v1 --trust --wait 5 --plan PLAN", "a plan waits for nothing"),
        ("sriov vf apply -f - --wait --plan PLAN", "a plan waits for nothing"),
        ("--write vm list", "--write goes with a backup, -c file:PATH"),
        ("vm stop web-01 -n", "-n inverts filters"),
        ("vm stop --all -n", "-n inverts filters"),
        ("vm stop --name web-01 -n", "-n inverts filters"),
        ("vm tag remove web-01 production -n", "-n inverts filters"),
        ("vm meta set web-01 --autostart -n", "-n inverts filters"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    on_tree: Pvc, tree: Tree, tmp_path: Path, words: str, why: str
) -> None:
    before = tree.dump()
    result = on_tree(*words.replace("PLAN", str(tmp_path / "plan")).split())
    assert (result.code, result.out, why in result.err) == (2, "", True)
    assert tree.dump() == before
    assert not (tmp_path / "plan").exists()
