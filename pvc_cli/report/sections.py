"""The parts of the page on the cluster as a whole: health, nodes, faults, schema, servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pvc_cli.report.html import Html, element, join, table

if TYPE_CHECKING:
    from pvc_cli.cluster.nodes import Node
    from pvc_cli.cluster.overview import Overview

_GIB = 1024


def summary(found: Overview) -> Html:
    """Return the figures that count."""
    status = found.status
    wrong = sum(problem.serious for problem in status.problems)
    verdict = "healthy" if status.healthy else f"{wrong} problem{'s' if wrong != 1 else ''}"
    nodes = Counter(node.daemon_state or "unknown" for node in status.nodes)
    cards = [
        ("Status", verdict, "", "good" if status.healthy else "bad"),
        ("Health", f"{status.health} %", "maintenance is on" if status.maintenance else "", _mood(status.health)),
        ("Nodes", str(len(status.nodes)), _counted(nodes), ""),
        ("VMs", str(sum(status.vms.values())), _counted(status.vms), ""),
        ("OSDs", str(sum(status.osds.values())), _counted(status.osds), ""),
        ("Primary", status.primary_text, "", "" if status.acting_primaries == (status.primary,) else "bad"),
        ("Schema", f"version {status.schema_version}", "", ""),
    ]
    if status.servers:
        healthy = status.servers.healthy
        running = f"{status.servers.answering} of {status.servers.voters}"
        cards.append(("ZooKeeper", running, status.servers.summary, "" if healthy else "bad"))
    return element("dl", *(_card(*card) for card in cards), class_="cards")


def _card(name: str, value: str, more: str, mood: str) -> Html:
    details = element("dd", more, class_="more") if more else ""
    return element("div", element("dt", name), element("dd", value, class_=mood or None), details)


def _mood(percent: int) -> str:
    return "good" if percent >= 90 else "fair" if percent >= 50 else "bad"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def problems(found: Overview) -> Html:
    """Return what is wrong, the most serious first, and notes."""
    rows = [
        (
            element("b", "problem", class_="bad") if problem.serious else element("b", "note", class_="fair"),
            problem.area,
            problem.what,
            element("code", problem.see),
        )
        for problem in found.status.problems
    ]
    return table(("", "Area", "What", "See"), rows, class_="problems") if rows else element("p", "None.")


def node_table(found: Overview) -> Html:
    """Return the nodes, with a bar each for memory that is used and that VMs have."""
    states = ("Mode", "Daemon", "For VMs", "Health")
    headers = ("Node", *states, "Load", "VMs up", "vCPUs", "Memory used", "Memory of VMs")
    return table(headers, map(_node, found.status.nodes), class_="nodes") if found.status.nodes else Html()


def _node(node: Node) -> Iterator[object]:
    yield element("b", node.name)
    yield node.mode
    yield _daemon(node)
    yield _state(node.domain_state, good="ready")
    if node.is_stale:  # what its daemon measures is unknown then
        yield from ("?", "?", "?", f"? on {_known(node.cpu_count)} CPUs", "?", "?")
        return
    yield "?" if node.health is None else element("span", f"{node.health} %", class_=_mood(node.health))
    yield _known(node.load)
    yield _known(node.provisioned_domains)
    yield f"{_known(node.vcpu_allocated)} on {_known(node.cpu_count)} CPUs"
    yield _bar(node.memory_used, node.memory_total)
    yield _bar(node.memory_allocated, node.memory_total)


def _state(state: str, *, good: str) -> Html:
    return element("span", state or "unknown", class_="good" if state == good else "bad")


def _daemon(node: Node) -> Html:
    """Return the state of a node's daemon, whether it is silent, and how far PVC is with fencing the node."""
    if node.silence:
        return element("span", f"{node.daemon_state}, silent", class_="bad")
    state = _state(node.daemon_state, good="run")
    return join([state, element("div", node.fencing_text, class_="more")]) if node.fencing else state


def _known(value: object) -> str:
    return "?" if value is None else str(value)


def _bar(part: int | None, whole: int | None) -> Html | str:
    """Return a bar that shows how much of a node's memory something takes, both in MiB."""
    if part is None or not whole:
        return "?"
    percent = 100 * part / whole
    mood = "bad" if percent > 100 else "fair" if percent >= 90 else "good"
    label = f"{part / _GIB:.1f} of {whole / _GIB:.1f} GiB"
    fill = element("span", class_=f"fill {mood}", style=f"width:{max(min(percent, 100), 0):.1f}%")
    return join([element("span", fill, class_="bar", role="img", aria_label=f"{percent:.0f} %"), label], " ")


def faults(found: Overview) -> Html:
    """Return the faults that PVC keeps, acknowledged ones too."""
    rows = (
        (
            element("code", fault.id),
            element("b", "new", class_="bad") if fault.status != "ack" else f"acknowledged {fault.acknowledged_at}",
            "?" if fault.health_delta is None else f"{-fault.health_delta} %",
            fault.message,
            fault.last_reported,
        )
        for fault in found.faults
    )
    return table(("Fault", "Status", "Health", "Message", "Last reported"), rows) if found.faults else Html()


def schema(found: Overview) -> Html:
    """Return the cluster's schema version, and what the nodes' daemons run and know."""
    version = found.schema.version
    rows = (
        (
            element("b", node.name),
            element("span", _known(node.active), class_="bad" if node.active not in (None, version) else None),
            _known(node.latest),
        )
        for node in found.schema.nodes
    )
    text = f"The cluster has version {version}; pvc knows {found.schema.latest_known}. {found.schema.daemons.message}"
    return join([element("p", text), table(("Node", "Runs", "Knows"), rows)])


def servers(found: Overview) -> Html:
    """Return the ZooKeeper servers; nothing of a backup, which has none."""
    asked = found.status.servers
    if asked is None:
        return Html()
    rows = (
        (
            element("b", server.name),
            element("span", server.state, class_="good" if server.state == "serves" else "bad"),
            _known(server.role),
            _known(server.version),
            "?" if server.latency_ms is None else f"{server.latency_ms:.1f} ms",
            _known(server.connections),
            _known(server.sessions),
            asked.in_step(server) if server.answers else "?",
        )
        for server in asked.servers
    )
    headers = ("Server", "State", "Role", "Version", "Latency", "Clients", "Sessions", "In step")
    return join([element("p", f"{asked.summary}."), table(headers, rows)])
