"""Read which schema versions a cluster and its nodes have, and tell what the nodes' daemons do about it."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pvc_cli.cluster.values import natural_key, parse_int
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.migration.gate import RUNNING


class NodeSchema(NamedTuple):
    """The schema versions that a node's daemon runs and knows at most; None is not reported."""

    name: str
    active: int | None
    latest: int | None
    daemon_state: str | None

    @property
    def runs(self) -> bool:
        """Whether the daemon is running, as far as the tree shows it."""
        return self.daemon_state in RUNNING


State = Literal[
    "no_nodes", "too_old", "following", "follow_at_start", "unreported", "settled", "held_back", "upgrade_at_start"
]


class Outlook(NamedTuple):
    """What the nodes' daemons do next about the schema version, by themselves."""

    state: State
    nodes: tuple[str, ...]
    """The nodes that it is about."""
    message: str
    """One sentence on it."""


class SchemaStatus(NamedTuple):
    """A cluster's schema version, and what this pvc and the nodes know."""

    version: int
    latest_known: int
    """The newest version that this pvc knows."""
    nodes: tuple[NodeSchema, ...]
    pending: tuple[int, ...]
    """The versions between the cluster's and the newest known one."""

    @property
    def daemons(self) -> Outlook:
        """What the nodes' daemons do next."""
        return outlook(self.version, self.nodes)


def schema_status(handler: ZKHandler) -> SchemaStatus:
    """Return the schema status of the cluster, in two batches after its version."""
    names = sorted(handler.children("base.node") or [], key=natural_key)
    keys = ("node.data.active_schema", "node.data.latest_schema", "node.state.daemon")
    rows = handler.read_rows([(key, name) for key in keys] for name in names)
    newest = max(len(handler.schema.known), len(handler.schema_at().known)) - 1
    return SchemaStatus(
        version=handler.schema.version,
        latest_known=newest,
        nodes=tuple(
            NodeSchema(name, parse_int(active), parse_int(latest), state or None)
            for name, (active, latest, state) in zip(names, rows, strict=True)
        ),
        pending=tuple(range(handler.schema.version + 1, newest + 1)),
    )


def outlook(version: int, nodes: Sequence[NodeSchema]) -> Outlook:
    """Tell what the daemons of *nodes* do next in a cluster whose schema has *version*.

    A daemon that starts sets the newest version that it knows, if all nodes know exactly that one. One that runs
    another version than the cluster's changes to it, and ends where its software lacks it.
    """
    if not nodes:
        return _about((), "no_nodes", "The cluster has no nodes.")
    if old := [node for node in nodes if node.latest is not None and node.latest < version]:
        return _about(old, "too_old", f"{_know_only(old)}: no daemon can run {version} there: upgrade PVC first.")
    known = {node.latest for node in nodes}
    newest = max(node.latest or 0 for node in nodes)
    # Daemons that all know more set that again when they start, as they do to change to another version.
    again = f"; then they set {newest} again, which all nodes know" if known == {newest} and newest > version else ""
    behind = [node for node in nodes if node.active not in (None, version)]
    if running := [node for node in behind if node.runs]:
        return _about(
            running, "following", f"{_run(running)}: changing to {version} takes the daemons some seconds{again}."
        )
    if behind:
        return _about(
            behind, "follow_at_start", f"{_run(behind)}: each changes to {version} when its daemon starts{again}."
        )
    if silent := [node for node in nodes if node.latest is None]:
        words = "not report a newest version: no daemon upgrades the cluster before"
        until = "it does" if len(silent) == 1 else "they do"
        return _about(silent, "unreported", f"{_each(silent, 'does', 'do')} {words} {until}.")
    if newest == version:
        return _about(
            nodes, "settled", f"All nodes know version {version} and no newer one: the daemons change nothing."
        )
    if old := [node for node in nodes if node.latest != newest]:
        return _about(
            old, "held_back", f"{_know_only(old)}: no daemon upgrades the cluster to {newest} before all do."
        )
    words = f"All nodes know version {newest}: the next daemon that starts upgrades the cluster to it."
    return _about(nodes, "upgrade_at_start", words)


def _about(nodes: Sequence[NodeSchema], state: State, message: str) -> Outlook:
    return Outlook(state, tuple(node.name for node in nodes), message)


def _know_only(nodes: Sequence[NodeSchema]) -> str:
    by_version = _grouped((node.latest, node) for node in nodes)
    return "; ".join(f"{_each(group, 'knows', 'know')} only version {version}" for version, group in by_version)


def _run(nodes: Sequence[NodeSchema]) -> str:
    by_version = _grouped((node.active, node) for node in nodes)
    return "; ".join(f"{_each(group, 'runs', 'run')} version {version}" for version, group in by_version)


def _grouped(pairs: Iterable[tuple[int | None, NodeSchema]]) -> list[tuple[int, list[NodeSchema]]]:
    groups: dict[int, list[NodeSchema]] = {}
    for version, node in pairs:
        groups.setdefault(version or 0, []).append(node)
    return sorted(groups.items())


def _each(nodes: Sequence[NodeSchema], verb: str, verb_of_several: str) -> str:
    return f"{', '.join(node.name for node in nodes)} {verb if len(nodes) == 1 else verb_of_several}"
