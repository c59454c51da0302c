"""Read the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.cluster.liveness import DEAD, Fencing, fencing_of, fencing_text, silences
from pvc_cli.cluster.patterns import matcher
from pvc_cli.cluster.values import natural_key, parse_float, parse_int, parse_list
from pvc_cli.errors import NotFoundError, hint, quoted
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.schema import MASK

if TYPE_CHECKING:
    from pvc_cli.zk.watch import Watcher

SEE_NODES = "see 'pvc node list'"

_KEYS = {
    "mode": "node.mode",
    "daemon_state": "node.state.daemon",
    "coordinator_state": "node.state.router",
    "domain_state": "node.state.domain",
    "keepalive": "node.keepalive",
    "pvc_version": "node.data.pvc_version",
    "static": "node.data.static",
    "health": "node.monitoring.health",
    "load": "node.cpu.load",
    "provisioned_domains": "node.count.provisioned_domains",
    "running_domains": "node.running_domains",
    "vcpu_allocated": "node.vcpu.allocated",
    "memory_total": "node.memory.total",
    "memory_used": "node.memory.used",
    "memory_free": "node.memory.free",
    "memory_allocated": "node.memory.allocated",
    "memory_provisioned": "node.memory.provisioned",
    "ipmi_hostname": "node.ipmi.hostname",
    "ipmi_username": "node.ipmi.username",
    "ipmi_password": "node.ipmi.password",
    "active_schema": "node.data.active_schema",
    "latest_schema": "node.data.latest_schema",
}


class Secret(str):
    """Text that does not show in a repr, and so not in a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


class Node(NamedTuple):
    """A hypervisor as its daemon last reported it; memory in MiB. None is not reported."""

    name: str
    mode: str
    """``coordinator`` or ``hypervisor``."""
    daemon_state: str
    coordinator_state: str
    domain_state: str
    keepalive: int | None
    """When its daemon last said that it is alive, in seconds since 1970; 0 or None if it never did."""
    pvc_version: str | None
    cpu_count: int | None
    kernel: str
    os: str
    arch: str
    health: int | None
    """Percent."""
    load: float | None
    provisioned_domains: int | None
    """How many VMs run there, whatever PVC calls it."""
    running_domains: tuple[str, ...]
    """UUIDs; none of a node that PVC tried to fence, whose list it sets to ``0``."""
    vcpu_allocated: int | None
    memory_total: int | None
    memory_used: int | None
    memory_free: int | None
    memory_allocated: int | None
    memory_provisioned: int | None
    ipmi_hostname: str
    ipmi_username: str
    ipmi_password: Secret
    active_schema: int | None
    """The schema version that its daemon runs."""
    latest_schema: int | None
    """The newest schema version that its daemon knows."""
    fencing: Fencing | None
    """How far PVC is with fencing it; None if its daemon is not dead."""
    silence: int = 0
    """How many seconds before the others its daemon sent its last keepalive, if it should run and seems dead."""

    @property
    def is_stale(self) -> bool:
        """Whether its daemon does not report: all of its figures are the last ones, of whatever time."""
        return self.daemon_state != "run" or self.silence > 0

    @property
    def memory_known(self) -> int | None:
        """The node's memory; None also of a node that PVC tried to fence, where PVC sets it to 0."""
        return None if self.is_stale and not self.memory_total else self.memory_total

    @property
    def fencing_text(self) -> str:
        """How far PVC is with fencing it, in words; empty if its daemon is not dead."""
        return fencing_text(self.fencing, self.daemon_state) if self.fencing else ""

    def lacks_memory(self, amount: int | None) -> bool:
        """Tell whether VMs with this *amount* of memory have more than the node; what is not known is enough."""
        return not self.is_stale and bool(self.memory_total and amount) and (amount or 0) > (self.memory_total or 0)


def list_nodes(handler: ZKHandler, pattern: str | None = None) -> list[Node]:
    """Return every node whose name has *pattern* in it, a regular expression, by name, in two batches.

    :raises InvalidInputError: if *pattern* is none.
    """
    matches = matcher(pattern)
    return [node for node in _read(handler) if matches(node.name)]


def dead_nodes(handler: ZKHandler) -> frozenset[str]:
    """Return the nodes whose daemon PVC has marked as dead, in two batches; none that may not be read."""
    view, _ = handler.tolerant()
    names = view.children("base.node") or []
    states = view.read_each(_KEYS["daemon_state"], names)
    return frozenset(name for name, state in zip(names, states, strict=True) if state in DEAD)


def watch_dead_nodes(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes what :func:`dead_nodes` returns."""
    watcher.watch(children=["base.node"])
    watcher.watch(values=[(_KEYS["daemon_state"], name) for name in handler.children("base.node") or []])


def watch_nodes(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes the records of nodes; a running daemon writes some of it every few seconds."""
    watcher.watch(children=["base.node"])
    names = handler.children("base.node") or []
    watcher.watch(values=[(key, name) for name in names for key in _KEYS.values()])


def require_node(handler: ZKHandler, *names: str, otherwise: str = SEE_NODES) -> None:
    """Check that the cluster has nodes called *names*.

    :param otherwise: what to do where no node's name is near.
    :raises NotFoundError: if it lacks one.
    """
    known = handler.children("base.node") or []
    for name in names:
        if name not in known:
            raise NotFoundError(f"there is no node {quoted(name)}: {hint(name, known, otherwise)}")


def find_nodes(handler: ZKHandler, names: Sequence[str]) -> list[Node]:
    """Return the nodes that *names* mean, each once, in that order: names, or glob patterns.

    :raises NotFoundError: if one means no node.
    """
    nodes = {node.name: node for node in _read(handler)}
    known, found = list(nodes), dict[str, None]()
    for name in names:
        if not (meant := [name] if name in known else [node for node in known if fnmatchcase(node, name)]):
            raise NotFoundError(f"there is no node {quoted(name)}: {hint(name, known, SEE_NODES)}")
        found.update(dict.fromkeys(meant))
    return [nodes[name] for name in found]


def _read(handler: ZKHandler) -> list[Node]:
    """Read all nodes, by name: that one is late shows only beside the others."""
    names = sorted(handler.children("base.node") or [], key=natural_key)
    rows = handler.read_rows([(key, name) for key in _KEYS.values()] for name in names)
    nodes = [_node(name, dict(zip(_KEYS, row, strict=True))) for name, row in zip(names, rows, strict=True)]
    silent = silences({node.name: node.keepalive for node in nodes if node.daemon_state == "run"})
    return [node._replace(silence=silent[node.name]) if node.name in silent else node for node in nodes]


def _node(name: str, values: dict[str, str | None]) -> Node:
    # The daemon's static data: how many CPUs, then kernel, operating system and architecture, by white space.
    static = (*parse_list(values["static"], None), "", "", "", "")
    return Node(
        name=name,
        mode=values["mode"] or "",
        daemon_state=values["daemon_state"] or "",
        coordinator_state=values["coordinator_state"] or "",
        domain_state=values["domain_state"] or "",
        keepalive=parse_int(values["keepalive"]),
        pvc_version=values["pvc_version"],
        cpu_count=parse_int(static[0]),
        kernel=static[1],
        os=static[2],
        arch=static[3],
        health=parse_int(values["health"]),
        load=parse_float(values["load"]),
        provisioned_domains=parse_int(values["provisioned_domains"]),
        running_domains=tuple(uuid for uuid in parse_list(values["running_domains"], None) if uuid != "0"),
        vcpu_allocated=parse_int(values["vcpu_allocated"]),
        memory_total=parse_int(values["memory_total"]),
        memory_used=parse_int(values["memory_used"]),
        memory_free=parse_int(values["memory_free"]),
        memory_allocated=parse_int(values["memory_allocated"]),
        memory_provisioned=parse_int(values["memory_provisioned"]),
        ipmi_hostname=values["ipmi_hostname"] or "",
        ipmi_username=values["ipmi_username"] or "",
        ipmi_password=Secret(values["ipmi_password"] or ""),
        active_schema=parse_int(values["active_schema"]),
        latest_schema=parse_int(values["latest_schema"]),
        fencing=fencing_of(
            values["daemon_state"] or "", values["domain_state"] or "", values["running_domains"] or ""
        ),
    )
