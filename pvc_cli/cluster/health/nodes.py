"""What is wrong with the nodes of a cluster."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from pvc_cli.cluster.health.model import Problem
from pvc_cli.cluster.memory import gibibytes
from pvc_cli.cluster.nodes import Node

_SEE = "pvc node list"
_LATE = 60
"""After how many seconds without a keepalive of any node all daemons seem dead."""
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
        fencing = f": {node.fencing_text}" if node.fencing else ""
        what = f"the daemon of {node.name} is in state {node.daemon_state or 'unknown'}{fencing}"
        yield Problem("node", what, see, _NOT_RUNNING)
    if node.domain_state != "ready":
        what = f"{node.name} takes no VMs: its domain state is {node.domain_state or 'unknown'}"
        yield Problem("node", what, see, _NOT_READY)
    if not node.is_stale and node.health is not None and node.health < 100:
        yield Problem("node", f"the health of {node.name} is {node.health} %", see, 100 - node.health)


def _of_keepalives(nodes: Sequence[Node]) -> Iterator[Problem]:
    """Tell which daemons went silent: by the clocks of most others, or, if all did, by this machine's."""
    latest = max((node.keepalive or 0 for node in nodes if node.daemon_state == "run"), default=0)
    silent = int(time.time()) - latest
    if latest and silent > _LATE:
        what = f"no node sent a keepalive for {_time(silent)}, by the clock of this machine"
        yield Problem("node", what, _SEE, _NOT_RUNNING)
    for node in nodes:
        if node.silence:
            late = f"sent its last keepalive {_time(node.silence)} before others"
            what = f"{node.name} {late}" if node.keepalive else f"{node.name} has never sent a keepalive"
            yield Problem("node", what, f"pvc node info {node.name}", _NOT_RUNNING)


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
    # The VMs of a node that is down are to run elsewhere.
    running = [node for node in nodes if not node.is_stale]
    sizes = [node.memory_total or 0 for node in running]
    needed = sum(node.memory_allocated or 0 for node in nodes)
    room = sum(sizes) - max(sizes, default=0)
    if len(nodes) > 1 and needed > room:
        needs, left = gibibytes(needed, room)
        that_runs = "" if len(running) == len(nodes) else " that runs"
        what = f"the running VMs need {needs}, and without the largest node{that_runs} there are {left}"
        yield Problem("node", what, _SEE, _NO_ROOM)
