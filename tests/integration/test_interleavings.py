"""A sample of the interleavings, on a real server."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from pvc_cli import app
from pvc_cli.zk import live
from pvc_cli.zk.snapshot import SnapshotStore
from tests.conftest import Tree
from tests.integration.test_unknown_outcomes import put_back
from tests.interleavings.rivals import Interleaved
from tests.interleavings.test_interleavings import BACKUP, COMMANDS, STARTS, Command, End, act, interleavings, wrongs

LEAST = 300
_LiveStore = live.LiveStore


@pytest.fixture
def run(empty: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., End]:
    """Run a command on a tree of the server, with rivals; without a tree, on the one that is there."""

    plan = str(tmp_path / "change.plan")

    def run(command: Command, tree: SnapshotStore | None, acts: dict[int, Callable[[Interleaved], None]]) -> End:
        if tree:
            put_back(empty, tree.tree)
            if command.planned:
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                    words = (*command.planned, "--plan", plan, "--overwrite")
                    assert app.main(["--coordinators", empty.hosts, *words]) == 0
        stores: list[Interleaved] = []

        def make(*arguments: object, **options: object) -> Interleaved:
            stores.append(Interleaved(_LiveStore(*arguments, **options), acts, command.judge))  # type: ignore[arg-type]
            return stores[-1]

        said = io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            patch.setattr(live, "LiveStore", make)
            patch.setattr(sys, "stdin", io.StringIO(command.stdin or BACKUP))
            given = [plan if word == "PLAN" else word for word in command.words]
            code = app.main(["--coordinators", empty.hosts, *given])
        return End(code, said.getvalue(), stores[0])

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_on_a_real_server_too_the_report_is_true_and_a_second_run_finishes(
    run: Callable[..., End], name: str
) -> None:
    command, start = COMMANDS[name], STARTS[name]
    undisturbed = run(command, start, {})
    assert undisturbed.code == 0, undisturbed.said
    singles = interleavings(name, undisturbed.store.calls + 1, 0)
    step = max(len(singles) * len(COMMANDS) // LEAST, 1)
    tried = 0
    for acts in singles[:: max(step - 1, 1)]:
        end = run(command, start, {at: act(rival) for at, rival in acts})
        bad = wrongs(end)
        again = run(command, None, {})
        bad += [f"second run: {wrong}" for wrong in wrongs(again)]
        assert not bad, f"{acts}: {bad}: {end.said[-300:]!r}"
        assert again.code in (0, 1, 5)
        tried += 1
    assert tried >= LEAST // len(COMMANDS)
