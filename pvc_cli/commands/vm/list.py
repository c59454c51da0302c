from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from pvc_cli.cluster.patterns import check_pattern
from pvc_cli.cluster.vms.documents import migrated, vm_document
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.model import WATCHED_KEYS, Vm
from pvc_cli.cluster.vms.query import VmRef, find, list_vms, narrow
from pvc_cli.cluster.vms.read import read_complete_vms, read_vms
from pvc_cli.cluster.vms.selection import explain_no_match
from pvc_cli.commands._common.command import (
    Context,
    connect_to_list,
    options_into,
    output_option,
    pass_context,
    watch_option,
)
from pvc_cli.commands._common.selecting import FILTER_OPTIONS, warn_of_broken_xml
from pvc_cli.commands._common.watching import turns
from pvc_cli.commands.vm._show import STATE_COLOURS, memory_text
from pvc_cli.errors import EXIT_INTERRUPTED
from pvc_cli.output.writer import Cell, Output, known
from pvc_cli.zk import Key, ZKHandler

if TYPE_CHECKING:
    from pvc_cli.zk.watch import Watcher


_HEADERS = ("NAME", "STATE", "NODE", "MIGRATED", "VCPUS", "MEMORY", "NETWORKS", "TAGS")


@click.command("list")
@options_into(
    Filters,
    "filters",
    click.argument(
        "pattern", required=False, callback=lambda _context, _parameter, given: given and check_pattern(given)
    ),
    *FILTER_OPTIONS,
)
@watch_option
@output_option
@pass_context
def command(context: Context, filters: Filters, watch: bool) -> int:
    """List VMs.

    PATTERN is a regular expression found anywhere in the name, or a whole UUID; -n does not invert it. With -, the
    names come from standard input.

    \b
    Examples:
      pvc vm list '^web-' -s start
      pvc vm list -g production -o name
      pvc vm list --network 1001 --min-memory 4096
    """
    names = context.names(["-"]) if filters.pattern == "-" else []
    filters = filters._replace(pattern=None) if names else filters
    check_pattern(filters.pattern or "")
    with connect_to_list(context) as handler, turns(context.output, handler, _arm, watch=watch) as each:
        listing = _Listing(handler, filters, names)
        for changed in each:
            listing.show(context.output, changed)
    return EXIT_INTERRUPTED if watch else 0


class _Listing:
    """A list of the VMs within some filters, which can be shown again after changes."""

    def __init__(self, handler: ZKHandler, filters: Filters, names: Sequence[str]) -> None:
        self._handler = handler
        self._names = names
        self._filters = filters
        self._rows: dict[str, list[str | Cell]] = {}
        self._broken: dict[str, str] = {}

    def show(self, output: Output, changed: set[Key] | None) -> None:
        """Show the list, reading again only what *changed*; a None means everything."""
        stale = set(self._rows) if changed is None else {key[1] for key in changed if len(key) == 2}
        for uuid in stale:
            self._rows.pop(uuid, None)
            self._broken.pop(uuid, None)
        everybody = find(self._handler, self._names) if self._names else list_vms(self._handler)
        chosen = narrow(self._handler, everybody, self._filters, warn_of_broken_xml(output))
        output.show(
            lambda: (vm_document(vm) for vm in self._checked(read_complete_vms(self._handler, _uuids(chosen)))),
            names=lambda: [vm.name for vm in chosen],
            table=lambda: output.table(_HEADERS, self._table(chosen)),
        )
        if not chosen:
            reason = explain_no_match(self._handler, self._filters).reason
            output.message("No VM matches." if reason == "no VM matches" else f"No VM matches; {reason}")
        for vm in chosen:
            if vm.uuid in self._broken:
                output.warning(self._broken[vm.uuid])

    def _checked(self, vms: Iterator[Vm]) -> Iterator[Vm]:
        """Yield VMs one after the other, and keep what is broken: however many there are, few are held at once."""
        for vm in vms:
            if vm.hardware is None:
                self._broken[vm.uuid] = f"the XML of VM {vm.name} ({vm.uuid}) is broken: {vm.xml_error}"
            yield vm

    def _table(self, chosen: Sequence[VmRef]) -> list[list[str | Cell]]:
        missing = [vm for vm in chosen if vm.uuid not in self._rows]
        for vm in self._checked(read_vms(self._handler, _uuids(missing))):
            self._rows[vm.uuid] = _row(vm)
        return [self._rows[vm.uuid] for vm in chosen if vm.uuid in self._rows]


def _uuids(vms: Sequence[VmRef]) -> list[str]:
    return [vm.uuid for vm in vms]


def _row(vm: Vm) -> list[str | Cell]:
    hardware = vm.hardware
    return [
        vm.name,
        Cell(vm.state, STATE_COLOURS.get(vm.state, "blue")),
        vm.node,
        migrated(vm),
        known(hardware.vcpu) if hardware else "?",
        memory_text(hardware.memory) if hardware else "?",
        ",".join(str(network.vni) for network in hardware.networks) if hardware else "?",
        ",".join(tag.name for tag in vm.tags),
    ]


def _arm(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes what the list shows."""
    watcher.watch(children=["base.domain"])
    uuids = handler.children("base.domain") or []
    watcher.watch(
        values=[(key, uuid) for uuid in uuids for key in WATCHED_KEYS],
        children=[("domain.meta.tags", uuid) for uuid in uuids],
    )
