"""What is wrong with the nodes of a cluster."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median_high

from pvc_cli.cluster.health.model import Problem
from pvc_cli.cluster.memory import gibibytes
from pvc_cli.cluster.nodes import Node

_SEE = "pvc node list"
_LATE = 60
"""After how many seconds without a keepalive a daemon seems dead; PVC fences after half as many by default."""
_NOT_RUNNING, _NOT_READY, _NO_ROOM = 50, 10, 50


def node_problems(nodes: Sequence[Node], version: int) -> Iterator[Problem]:
    """Yield what is wrong with *nodes* in a cluster whose schema has *version*."""
    for node in nodes:
        yield from _of_node(node)
    yield from _of_keepalives(nodes)
    yield from _of_versions(nodes, version)
    yield from _of_memory(nodes)


def _of_node(node: Node) -> Iterator[Problem]:
    see = f"pvc node info {node.name}"
    if node.daemon_state != "run":
        what = f"the daemon of {node.name} is in state {node.daemon_state or 'unknown'}"
        yield Problem("node", what, see, _NOT_RUNNING)
    if node.domain_state != "ready":
        yield Problem("node", f"{node.name} is {node.domain_state or 'in an unknown state'} for VMs", see, _NOT_READY)
    if node.health is not None and node.health < 100:
        yield Problem("node", f"the health of {node.name} is {node.health} %", see, 100 - node.health)


def _of_keepalives(nodes: Sequence[Node]) -> Iterator[Problem]:
    """Tell which daemons went silent: by the clocks of most others, or, if all did, by this machine's."""
    alive = {node.name: node.keepalive or 0 for node in nodes if node.daemon_state == "run"}
    # One clock that is ahead must not make all others late.
    usual = median_high(sorted(alive.values())) if alive else 0
    if not usual:
        return
    silent = int(time.time()) - max(alive.values())
    if silent > _LATE:
        what = f"no node sent a keepalive for {_time(silent)}, by the clock of this machine"
        yield Problem("node", what, _SEE, _NOT_RUNNING)
    for name, keepalive in alive.items():
        if usual - keepalive > _LATE:
            late = f"sent its last keepalive {_time(usual - keepalive)} before others"
            what = f"{name} {late}" if keepalive else f"{name} has never sent a keepalive"
            yield Problem("node", what, f"pvc node info {name}", _NOT_RUNNING)


def _time(seconds: int) -> str:
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _of_versions(nodes: Sequence[Node], version: int) -> Iterator[Problem]:
    see = "pvc schema show"
    behind = [node.name for node in nodes if node.active_schema not in (None, version)]
    if behind:
        run = "runs" if len(behind) == 1 else "run"
        yield Problem("schema", f"{', '.join(behind)} {run} another schema version than the cluster's {version}", see)
    software = Counter(node.pvc_version for node in nodes if node.pvc_version)
    if len(software) > 1:
        mixed = ", ".join(f"{release} on {count}" for release, count in sorted(software.items()))
        yield Problem("node", f"the nodes run different releases of PVC ({mixed})", _SEE)
    known = [node.latest_schema for node in nodes if node.latest_schema is not None]
    if known and min(known) > version:
        yield Problem("schema", f"all nodes know schema version {min(known)}", "pvc schema show", 0)


def _of_memory(nodes: Sequence[Node]) -> Iterator[Problem]:
    """Tell whether the running VMs fit on their nodes, and would still fit if the largest node failed."""
    for node in nodes:
        if node.lacks_memory(node.memory_allocated):
            allocated, total = gibibytes(node.memory_allocated or 0, node.memory_total or 0)
            what = f"the VMs on {node.name} have {allocated} of its {total}"
            yield Problem("node", what, f"pvc node info {node.name}", _NO_ROOM)
    sizes = [node.memory_total or 0 for node in nodes]
    needed = sum(node.memory_allocated or 0 for node in nodes)
    room = sum(sizes) - max(sizes, default=0)
    if len(nodes) > 1 and needed > room:
        needs, left = gibibytes(needed, room)
        what = f"the running VMs need {needs}, and without the largest node there are {left}"
        yield Problem("node", what, _SEE, _NO_ROOM)
