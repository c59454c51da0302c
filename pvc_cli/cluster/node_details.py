"""Read what the documents of nodes have beyond a list: health checks, interfaces, and the names of VMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pvc_cli.cluster.nodes import Node, watch_nodes
from pvc_cli.cluster.values import parse_int, parse_json, parse_list, parse_object
from pvc_cli.cluster.vms.query import names_of
from pvc_cli.zk import ZKHandler

if TYPE_CHECKING:
    from pvc_cli.zk.watch import Watcher

_CONTAINER = "node.monitoring.data"
_KEYS = ("node.monitoring.plugins", "node.network.stats")
_CHECK_KEYS = (
    "monitoring_plugin.last_run",
    "monitoring_plugin.health_delta",
    "monitoring_plugin.message",
    "monitoring_plugin.data",
)


def watch_details(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes the documents of nodes."""
    watch_nodes(handler, watcher)
    names = handler.children("base.node") or []
    watcher.watch(
        values=[(key, name) for name in names for key in _KEYS], children=[(_CONTAINER, name) for name in names]
    )
    reporting = handler.children_many((_CONTAINER, name) for name in names)
    watcher.watch(
        values=[
            (_CONTAINER, name, key, plugin)
            for name, plugins in zip(names, reporting, strict=True)
            for plugin in plugins or ()
            for key in _CHECK_KEYS
        ]
    )


class HealthCheck(NamedTuple):
    """What a health plugin last found on a node; None is not reported."""

    name: str
    last_run: int | None
    """Seconds since 1970."""
    health_delta: int | None
    """How much of the node's health it costs, in percent."""
    message: str | None
    data: Any
    """What the plugin has to add, as JSON."""


class NodeDetails(NamedTuple):
    """What a node reports beyond its record."""

    running_domains: tuple[str, ...]
    """Names, and the UUIDs of VMs that are gone."""
    health_plugins: tuple[str, ...]
    health_checks: tuple[HealthCheck, ...]
    """In the order of the plugins, without those that have not run."""
    interfaces: dict[str, Any]
    """By network card: rates in bits and packets per second, its speed and state."""


def read_node_details(handler: ZKHandler, nodes: Sequence[Node]) -> list[NodeDetails]:
    """Return the details of each of *nodes*, in three batches, two of them at once."""
    wait = handler.request_rows([node.name for node in nodes], _KEYS, (_CONTAINER,))
    names = names_of(handler, [uuid for node in nodes for uuid in node.running_domains])
    rows = wait()
    plugins = [parse_list(listed, None) for (listed, _), _ in rows]
    # A plugin is looked up only where its results are: what the list says may be no name at all.
    wanted = [
        (number, plugin)
        for number, (listed, (_, (reporting,))) in enumerate(zip(plugins, rows, strict=True))
        for plugin in dict.fromkeys(listed)
        if plugin in (reporting or ())
    ]
    results = handler.read_rows(
        [(_CONTAINER, nodes[number].name, key, plugin) for key in _CHECK_KEYS] for number, plugin in wanted
    )
    checks: list[list[HealthCheck]] = [[] for _ in nodes]
    for (number, plugin), (last_run, delta, message, data) in zip(wanted, results, strict=True):
        if data is not None:
            checks[number].append(
                HealthCheck(plugin, parse_int(last_run), parse_int(delta), message, parse_json(data))
            )
    return [
        NodeDetails(
            running_domains=tuple(names.get(uuid, uuid) for uuid in node.running_domains),
            health_plugins=listed,
            health_checks=tuple(made),
            interfaces=parse_object(interfaces) or {},
        )
        for node, listed, made, ((_, interfaces), _) in zip(nodes, plugins, checks, rows, strict=True)
    ]
