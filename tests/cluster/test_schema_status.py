"""What the nodes' daemons will do about the schema version, from what the tree shows of them."""

from __future__ import annotations

import pytest

from pvc_cli.cluster.schema_status import NodeSchema, outlook


def node(number: int, active: int | None, latest: int | None, daemon_state: str | None = "run") -> NodeSchema:
    return NodeSchema(f"hv{number}", active, latest, daemon_state)


@pytest.mark.parametrize(
    ("nodes", "state", "about", "message"),
    [
        ((), "no_nodes", (), "The cluster has no nodes."),
        (
            (node(1, 14, 14), node(2, 14, 14, "stop")),
            "settled",
            ("hv1", "hv2"),
            "All nodes know version 14 and no newer one: the daemons change nothing.",
        ),
        (
            (node(1, 14, 16), node(2, 14, 16, "stop")),
            "upgrade_at_start",
            ("hv1", "hv2"),
            "All nodes know version 16: the next daemon that starts upgrades the cluster to it.",
        ),
        (
            (node(1, 14, 15), node(2, 14, 15), node(3, 14, 14)),
            "held_back",
            ("hv3",),
            "hv3 knows only version 14: no daemon upgrades the cluster to 15 before all do.",
        ),
        (
            # Each compares all others with its own newest: here, no daemon finds them equal.
            (node(1, 14, 16), node(2, 14, 15), node(3, 14, 14), node(4, 14, 14)),
            "held_back",
            ("hv2", "hv3", "hv4"),
            "hv3, hv4 know only version 14; hv2 knows only version 15: no daemon upgrades the cluster to 16 before"
            " all do.",
        ),
        (
            (node(1, 14, 14), node(2, 13, 14), node(3, 12, 14, "init")),
            "following",
            ("hv2", "hv3"),
            "hv3 runs version 12; hv2 runs version 13: changing to 14 takes the daemons some seconds.",
        ),
        (
            # A rollback below running daemons; they set 15 again afterwards.
            (node(1, 15, 15), node(2, 15, 15)),
            "following",
            ("hv1", "hv2"),
            "hv1, hv2 run version 15: changing to 14 takes the daemons some seconds; then they set 15 again, which"
            " all nodes know.",
        ),
        (
            (node(1, 14, 14), node(2, 13, 14, "stop"), node(3, 13, 14, None)),
            "follow_at_start",
            ("hv2", "hv3"),
            "hv2, hv3 run version 13: each changes to 14 when its daemon starts.",
        ),
        (
            (node(1, 14, 15), node(2, 13, 13), node(3, 14, 13, "stop")),
            "too_old",
            ("hv2", "hv3"),
            "hv2, hv3 know only version 13: no daemon can run 14 there: upgrade PVC first.",
        ),
        (
            (node(1, 14, 15), node(2, None, None, None)),
            "unreported",
            ("hv2",),
            "hv2 does not report a newest version: no daemon upgrades the cluster before it does.",
        ),
        ((node(1, None, 14), node(2, 14, 14)), "settled", ("hv1", "hv2"), None),
    ],
)
def test_the_outlook_of_a_cluster_at_version_14(
    nodes: tuple[NodeSchema, ...], state: str, about: tuple[str, ...], message: str | None
) -> None:
    found = outlook(14, nodes)
    assert (found.state, found.nodes) == (state, about)
    assert message in (None, found.message)


def test_nodes_that_have_just_been_created_know_version_0_at_least() -> None:
    assert outlook(0, (node(1, 0, 0, None),)).state == "settled"
