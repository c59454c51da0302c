"""The command that undoes what daemons acted on can run."""

from __future__ import annotations

import pytest

from pvc_cli.cluster.opposites import opposite_of


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"domain.node": ("", "hv1")},
            "daemons may have acted on the node, which was empty: see 'pvc vm info web-01'",
        ),
        (
            {"domain.node": ("", "hv2"), "domain.last_node": ("hv1", "")},
            "daemons may have acted on the node, which was empty: see 'pvc vm info web-01'",
        ),
        (
            {"base.config.primary_node": ("", "none")},
            "daemons may have acted on it, which was empty: see 'pvc node list'",
        ),
        (
            {"base.config.primary_node": ("none", "")},
            "daemons may have acted on it, which was none: see 'pvc node list'",
        ),
        ({"base.config.primary_node": ("none", "hv1")}, "daemons may have acted on it: run 'pvc node secondary hv1'"),
        ({"base.config.primary_node": ("hv1", "none")}, "daemons may have acted on it: run 'pvc node primary hv1'"),
    ],
)
def test_no_command_is_named_that_cannot_run(changes: dict[str, tuple[str, str]], why: str) -> None:
    assert opposite_of(changes).why(["web-01"], "20261101-100000") == why
