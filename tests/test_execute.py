"""A failed change of many counts each item once."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from pvc_cli.errors import AccessDeniedError, UnreachableError
from pvc_cli.zk.execute import execute_steps
from pvc_cli.zk.store import CommitConflictError, Op


def test_an_item_that_was_denied_before_the_cluster_was_lost_has_failed_once() -> None:
    planned: list[Sequence[str]] = []

    def plan(items: Sequence[str]) -> list[Any]:
        planned.append(items)
        if len(planned) > 1:
            if "b" in items and len(items) == 1:
                raise UnreachableError("lost")
            raise AccessDeniedError("denied")
        return [
            SimpleNamespace(item=item, transaction=SimpleNamespace(ops=[Op("set", f"/{item}", b"x", 0)]))
            for item in items
        ]

    def lose(ops: Sequence[Op]) -> None:
        raise CommitConflictError(ops[0], "was modified")

    store: Any = SimpleNamespace(size=len, commit=lose)
    done, failed = execute_steps(store, ["a", "b"], plan, lambda step: str(step.item))
    assert (done, [(item, str(error)) for item, error in failed]) == ([], [("a", "denied"), ("b", "lost")])
