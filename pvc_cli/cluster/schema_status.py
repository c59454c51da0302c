"""How a cluster stands with its schema: which version it has, what its nodes run and know."""

from __future__ import annotations

from dataclasses import dataclass

from pvc_cli.cluster.values import natural_key, parse_int
from pvc_cli.zk import ZKHandler


@dataclass(frozen=True, slots=True)
class NodeSchema:
    """A node's daemon: the version it runs, and the newest that it knows; None where it did not say."""

    name: str
    active: int | None
    latest: int | None


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """A cluster's schema version, against what this pvc and the nodes know."""

    version: int
    latest_known: int
    """The newest version that this pvc knows."""
    nodes: tuple[NodeSchema, ...]
    pending: tuple[int, ...]
    """The versions between the cluster's and the newest known one."""


def schema_status(handler: ZKHandler) -> SchemaStatus:
    """Return how the cluster stands, in two batches after its version."""
    names = sorted(handler.children("base.node") or [], key=natural_key)
    keys = ("node.data.active_schema", "node.data.latest_schema")
    values = iter(handler.read_many((key, name) for name in names for key in keys))
    newest = max(len(handler.schema.known), len(handler.schema_at().known)) - 1
    return SchemaStatus(
        version=handler.schema.version,
        latest_known=newest,
        nodes=tuple(NodeSchema(name, parse_int(next(values)), parse_int(next(values))) for name in names),
        pending=tuple(range(handler.schema.version + 1, newest + 1)),
    )
