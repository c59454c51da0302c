"""The table of VMs: complete as it stands; the page's script searches and sorts it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from pvc_cli.cluster.memory import gibibytes
from pvc_cli.cluster.vms.model import is_lost
from pvc_cli.report.html import Html, element, join, table, text

if TYPE_CHECKING:
    from pvc_cli.cluster.overview import VmLine

_HEADERS = ("Name", "State", "Node", "vCPUs", "Memory", "Networks", "Tags")
_MOODS = {"start": "good", "stop": "dim", "disable": "dim", "fail": "bad"}


def machine_table(vms: Sequence[VmLine], dead: Collection[str]) -> Html:
    """Return *vms* as a table, and the box that searches it.

    :param dead: the nodes whose daemons are dead.
    """
    if not vms:
        return element("p", "None.")
    box = element("input", type="search", id="search", autocomplete="off", placeholder="name, tag, node or state")
    search = element(
        "p", element("label", "Search ", box), " ", element("output", f"{len(vms)} VMs", id="count"), class_="search"
    )
    return join([search, table(_HEADERS, (_row(vm, dead) for vm in vms), id="vms", class_="vms")])


def _row(vm: VmLine, dead: Collection[str]) -> Iterator[Html]:
    yield element("b", vm.name, title=vm.uuid)
    why = vm.failed_reason or None
    yield element("span", vm.state or "unknown", class_=_MOODS.get(vm.state, "fair"), title=why)
    lost = "its node is dead, and it may not run" if is_lost(vm.state, vm.node, dead) else ""
    odd = lost or ("outside its node limit" if vm.outside else "")
    mark = element("b", "!", class_="bad", title=odd) if odd else ""
    yield join(filter(None, (vm.node, mark, vm.last_node and f"(from {vm.last_node})")), " ")
    yield text("?" if vm.vcpu is None else vm.vcpu)
    yield text("?" if vm.memory is None else gibibytes(vm.memory)[0])
    yield text(", ".join(vm.networks))
    yield join((element("i", tag) for tag in vm.tags), " ")
