from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from pvc_cli.cluster.nodes import dead_nodes, watch_dead_nodes
from pvc_cli.cluster.together import begin
from pvc_cli.cluster.vms.counting import TRAITS, Trait, count_vms
from pvc_cli.cluster.vms.documents import migrated, vm_document
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.model import Vm, VmSummary
from pvc_cli.cluster.vms.query import VmRef, find, list_vms, narrow
from pvc_cli.cluster.vms.read import read_summaries, read_vms
from pvc_cli.cluster.vms.selection import check_states, explain_no_match
from pvc_cli.cluster.vms.watched import watch_documents, watch_rows
from pvc_cli.commands._common.command import (
    Context,
    connect_to_list,
    options_into,
    pass_context,
    pattern_argument,
    watch_option,
)
from pvc_cli.commands._common.counting import Count, value_cell
from pvc_cli.commands._common.listing import list_options, show_counts, show_records
from pvc_cli.commands._common.selecting import FILTER_OPTIONS, check_negate, note_misspelt_tag, warn_of_broken_xml
from pvc_cli.commands._common.sizes import memory_cell
from pvc_cli.commands._common.watching import turns
from pvc_cli.commands.vm._show import STATE_COLOURS, node_cell
from pvc_cli.output.cells import Cell, Row, flag_cell, list_cell
from pvc_cli.output.writer import Output
from pvc_cli.zk import Key, ZKHandler

if TYPE_CHECKING:
    from pvc_cli.zk.watch import Watcher

_HEADERS = ("NAME", "STATE", "NODE", "VCPUS", "MEMORY", "NETWORKS", "TAGS")
_WIDE = ("UUID", "MIGRATED", "PROFILE", "AUTOSTART", "NODE LIMIT", "FAILED REASON", "DESCRIPTION")
_VmT = TypeVar("_VmT", Vm, VmSummary)


_BY_KEY: dict[str, Trait] = {trait.upper(): trait for trait in TRAITS}
"""Columns that are counted without reading the VMs."""


@click.command("list")
@options_into(
    Filters,
    "filters",
    pattern_argument,
    *FILTER_OPTIONS,
)
@watch_option
@list_options(*_HEADERS, *_WIDE, things="VMs", least=("NETWORKS",))
@pass_context
def command(context: Context, filters: Filters, watch: bool) -> int:
    """List VMs.

    PATTERN is a regular expression found anywhere in the name, or a whole UUID; -n does not invert it. With -, the
    names come from standard input. --name takes the names and shell patterns that changes take. A ! marks a VM on a
    node outside its node limit, or on one that is dead.

    \b
    Examples:
      pvc vm list '^web-' -s start
      pvc vm list --name 'web-*' -t '!pvchv1'
      pvc vm list -g production -o name
      pvc vm list --network 1001 --min-memory 4096
      pvc vm list --sort=-memory,name --columns name,memory,node
      pvc vm list --count-by tag
      pvc vm list -o csv > vms.csv
    """
    check_negate(filters)
    layout = context.output.layout
    trait = _BY_KEY.get(layout.count_by)
    names = context.names(["-"]) if filters.pattern == "-" else []
    filters = filters._replace(pattern=None) if names else filters

    def arm(handler: ZKHandler, watcher: Watcher) -> None:
        # A table shows little of a VM, unless more is asked for; there are many VMs.
        little = context.output.style == "table" and not layout.asks
        (watch_rows if little or trait else watch_documents)(handler, watcher)
        if context.output.tabular:
            watch_dead_nodes(handler, watcher)

    with connect_to_list(context) as handler, turns(context.output, handler, arm, watch=watch) as each:
        listing = _Listing(handler, filters, names, trait)
        for changed in each:
            with each.turn():
                listing.show(context.output, changed)
    return each.code


class _Listing:
    """A list of the VMs within some filters, which can be shown again after changes."""

    def __init__(self, handler: ZKHandler, filters: Filters, names: Sequence[str], trait: Trait | None) -> None:
        self._handler = handler
        self._names = names
        self._filters = filters
        self._trait = trait
        self._dead: frozenset[str] = frozenset()
        self._rows: dict[str, Row] = {}
        self._broken: dict[str, str] = {}

    def show(self, output: Output, changed: set[Key] | None) -> None:
        """Show the list, reading again only what *changed*; a None means everything."""
        stale = set(self._rows) if changed is None else {key[1] for key in changed if not isinstance(key, str)}
        for uuid in stale:
            self._rows.pop(uuid, None)
            self._broken.pop(uuid, None)
        # Meanwhile: a list shows of nodes no more than whether they are dead.
        dead = begin(self._handler, lambda: dead_nodes(self._handler)) if output.tabular else frozenset
        everybody = find(self._handler, self._names) if self._names else list_vms(self._handler)
        chosen = narrow(self._handler, everybody, self._filters, warn_of_broken_xml(output))
        if changed is None:
            check_states(self._handler, self._filters)
            if chosen:
                note_misspelt_tag(output, self._handler, self._filters)
        if self._trait:
            show_counts(output, _counts(self._handler, chosen, self._trait), self._nothing(chosen))
            return
        show_records(
            output,
            chosen,
            documents=lambda vms: map(vm_document, self._checked(read_vms(self._handler, _uuids(vms)))),
            names=lambda vms: [vm.name for vm in vms],
            headers=_HEADERS,
            wide=_WIDE,
            rows=lambda vms: self._table(vms, dead),
            nothing=self._nothing(chosen),
        )
        for vm in chosen:
            if vm.uuid in self._broken:
                output.warning(self._broken[vm.uuid])

    def _checked(self, vms: Iterator[_VmT]) -> Iterator[_VmT]:
        """Yield VMs one after the other, and keep what is broken: however many there are, few are held at once."""
        for vm in vms:
            if vm.hardware is None:
                self._broken[vm.uuid] = f"the XML of VM {vm.name} ({vm.uuid}) is broken: {vm.xml_error}"
            yield vm

    def _table(self, chosen: Sequence[VmRef], dead: Callable[[], frozenset[str]]) -> list[tuple[VmRef, Row]]:
        if (found := dead()) != self._dead:
            # What is on a node that died, or is back, looks otherwise now.
            self._dead = found
            self._rows.clear()
        missing = [vm for vm in chosen if vm.uuid not in self._rows]
        for vm in self._checked(read_summaries(self._handler, _uuids(missing))):
            self._rows[vm.uuid] = _row(vm, self._dead)
        return [(vm, self._rows[vm.uuid]) for vm in chosen if vm.uuid in self._rows]

    def _nothing(self, chosen: Sequence[VmRef]) -> str:
        """Return why there is nothing to show."""
        if chosen:
            return ""
        reason = explain_no_match(self._handler, self._filters)
        return "No VM matches." if reason == "no VM matches" else f"No VM matches; {reason}"


def _counts(handler: ZKHandler, vms: Sequence[VmRef], trait: Trait) -> list[Count]:
    return [Count(found.value, value_cell(found.value), found.vms) for found in count_vms(handler, vms, trait)]


def _uuids(vms: Sequence[VmRef]) -> list[str]:
    return [vm.uuid for vm in vms]


def _row(vm: VmSummary, dead: Collection[str]) -> Row:
    hardware = vm.hardware
    return [
        vm.name,
        Cell(vm.state, STATE_COLOURS.get(vm.state, "blue")),
        node_cell(vm, dead),
        hardware and hardware.vcpu,
        memory_cell(hardware and hardware.memory),
        list_cell(network.vni for network in hardware.networks) if hardware else None,
        list_cell(vm.tags),
        vm.uuid,
        migrated(vm),
        vm.profile,
        flag_cell(vm.node_autostart),
        list_cell(vm.node_limit),
        vm.failed_reason,
        hardware and hardware.description,
    ]
