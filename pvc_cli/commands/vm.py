"""``pvc vm``: find virtual machines."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from pvc_cli.commands import complete
from pvc_cli.commands.lazy import LazyGroup
from pvc_cli.commands.options import limit_options, output_option, pass_context, watch_option
from pvc_cli.commands.watching import turns
from pvc_cli.context import Context
from pvc_cli.errors import quoted
from pvc_cli.output import Cell, Format, Output, known

if TYPE_CHECKING:
    from pvc_cli.cluster.roster import Limits, VmRef
    from pvc_cli.cluster.vms import Vm
    from pvc_cli.zk import Key, ZKHandler
    from pvc_cli.zk.watch import Watcher

_STATE_COLOURS = {"start": "green", "fail": "red", "stop": "yellow", "disable": "dim"}
_SEE_STATES, _SEE_TAGS = "see 'pvc vm list'", "see 'pvc vm tag list'"
_HEADERS = ("NAME", "STATE", "NODE", "MIGRATED", "VCPUS", "MEMORY", "NETWORKS", "TAGS")


@click.group(
    cls=LazyGroup,
    lazy={"tag": ("pvc_cli.commands.vm_tag:tag", "Put tags on virtual machines, list them, take them off.")},
)
def vm() -> None:
    """Find virtual machines, and classify them by tags."""


@vm.command("list")
@click.argument("pattern", required=False)
@limit_options
@click.option(
    "-n", "--negate", is_flag=True, help="Only VMs that are not on that node, in that state, with those tags."
)
@watch_option
@output_option
@pass_context
def list_vms(
    context: Context,
    pattern: str | None,
    tags: tuple[str, ...],
    state: str | None,
    node: str | None,
    negate: bool,
    watch: bool,
    style: Format,
) -> None:
    """List virtual machines.

    PATTERN is a regular expression found anywhere in the name, or a whole UUID.

    \b
    Examples:
      pvc vm list '^web-' -s start
      pvc vm list -g production -o name
    """
    from pvc_cli.cluster.roster import Limits

    limits = Limits(pattern, node, state, tags, negate)
    with context.connect() as handler, turns(context.output, handler, _arm, style, watch=watch) as each:
        listing = _Listing(handler, limits)
        for changed in each:
            listing.show(context.output, style, changed)


class _Listing:
    """A list of the VMs within some limits, which can be shown again after changes."""

    def __init__(self, handler: ZKHandler, limits: Limits) -> None:
        self._handler = handler
        self._limits = limits
        self._rows: dict[str, list[str | Cell]] = {}
        self._broken: dict[str, str] = {}

    def show(self, output: Output, style: Format, changed: set[Key] | None) -> None:
        """Show the list, reading again only what *changed*; a None means everything."""
        from pvc_cli.cluster.documents import vm_document
        from pvc_cli.cluster.roster import select

        stale = set(self._rows) if changed is None else {key[1] for key in changed if len(key) == 2}
        for uuid in stale:
            self._rows.pop(uuid, None)
            self._broken.pop(uuid, None)
        chosen = select(self._handler, self._limits)
        output.show(
            style,
            lambda: (vm_document(vm) for vm in self._read(chosen)),
            names=lambda: [vm.name for vm in chosen],
            table=lambda: output.table(_HEADERS, self._table(chosen)),
        )
        if not chosen:
            output.message(_why_none(self._handler, self._limits))
        for vm in chosen:
            if vm.uuid in self._broken:
                output.warning(self._broken[vm.uuid])

    def _read(self, chosen: Sequence[VmRef]) -> Iterator[Vm]:
        """Yield VMs one after the other: however many there are, few are held at once."""
        from pvc_cli.cluster.vms import read_vms

        for vm in read_vms(self._handler, [vm.uuid for vm in chosen]):
            if vm.hardware is None:
                self._broken[vm.uuid] = f"the XML of VM {vm.name} ({vm.uuid}) is broken: {vm.xml_error}"
            yield vm

    def _table(self, chosen: Sequence[VmRef]) -> list[list[str | Cell]]:
        for vm in self._read([vm for vm in chosen if vm.uuid not in self._rows]):
            self._rows[vm.uuid] = _row(vm)
        return [self._rows[vm.uuid] for vm in chosen if vm.uuid in self._rows]


def _why_none(handler: ZKHandler, limits: Limits) -> str:
    """Return what to say where no VM is within *limits*: a mistyped word is the likeliest reason."""
    from pvc_cli.cluster.roster import hint
    from pvc_cli.cluster.tags import count_tags
    from pvc_cli.cluster.vms import STATES

    if limits.state is not None and limits.state not in STATES:
        return f"No VM matches; PVC has no state {quoted(limits.state)}: {hint(limits.state, STATES, _SEE_STATES)}"
    if limits.tags and not limits.negate:
        known = [tag.name for tag in count_tags(handler)]
        for tag in limits.tags:
            if tag not in known:
                return f"No VM matches; no VM has a tag {quoted(tag)}: {hint(tag, known, _SEE_TAGS)}"
    return "No VM matches."


def _row(vm: Vm) -> list[str | Cell]:
    from pvc_cli.cluster.documents import migrated

    hardware = vm.hardware
    return [
        vm.name,
        Cell(vm.state, _STATE_COLOURS.get(vm.state, "blue")),
        vm.node,
        migrated(vm),
        known(hardware.vcpu) if hardware else "?",
        _memory(hardware.memory) if hardware else "?",
        ",".join(str(network.vni) for network in hardware.networks) if hardware else "?",
        ",".join(tag.name for tag in vm.tags),
    ]


def _memory(mebibytes: int | None) -> str:
    if mebibytes is None or mebibytes % 1024:
        return f"{known(mebibytes)} MiB"
    return f"{mebibytes // 1024} GiB"


def _arm(handler: ZKHandler, watcher: Watcher) -> None:
    """Watch whatever changes what the list shows."""
    from pvc_cli.cluster.vms import WATCHED_KEYS

    watcher.watch(children=["base.domain"])
    uuids = handler.children("base.domain") or []
    watcher.watch(
        values=[(key, uuid) for uuid in uuids for key in WATCHED_KEYS],
        children=[("domain.meta.tags", uuid) for uuid in uuids],
    )


@vm.command("info")
@click.argument("vms", metavar="VM", shell_complete=complete.vms)
@output_option
@pass_context
def info(context: Context, vms: str, style: Format) -> None:
    """Show all that is known of a virtual machine.

    VM is a name or a UUID; a list with commas, a pattern in quotes, or - for names from standard input shows
    several.

    \b
    Example:
      pvc vm info web-01 -o json
    """
    from pvc_cli.cluster.documents import vm_document
    from pvc_cli.cluster.roster import find, is_one
    from pvc_cli.cluster.vms import read_vms

    output = context.output
    names = context.names([vms])
    with context.connect() as handler:
        found = list(read_vms(handler, [vm.uuid for vm in find(handler, names)]))
    documents = [vm_document(vm) for vm in found]
    output.show(
        style,
        lambda: documents[0] if documents and is_one(vms) else documents,
        names=lambda: [vm.name for vm in found],
        table=lambda: "\n\n".join(_details(output, vm) for vm in found),
    )


def _details(output: Output, vm: Vm) -> str:
    from pvc_cli.cluster.documents import migrated

    hardware = vm.hardware
    pairs: list[tuple[str, str | Cell]] = [
        ("Name", vm.name),
        ("UUID", vm.uuid),
        ("State", Cell(vm.state, _STATE_COLOURS.get(vm.state, "blue"))),
    ]
    if vm.failed_reason:
        pairs.append(("Failed because", Cell(vm.failed_reason, "red")))
    pairs += [
        ("Node", vm.node),
        ("Migrated", migrated(vm)),
        ("Autostart", {True: "yes", False: "no", None: "?"}[vm.node_autostart]),
        ("Migration", vm.migration_method or "default"),
        ("Node selector", vm.node_selector or "default"),
        ("Node limit", ", ".join(vm.node_limit) or "none"),
        ("Profile", vm.profile or "none"),
        ("VNC", f"{vm.vnc_listen}:{vm.vnc_port}" if vm.vnc_port else "none"),
        ("Tags", ", ".join(_tag_text(tag.name, tag.type, protected=tag.protected) for tag in vm.tags) or "none"),
        ("Snapshots", ", ".join(f"{s.name} ({_when(s.timestamp)})" for s in vm.snapshots) or "none"),
    ]
    if vm.migration_max_downtime is not None:
        pairs.append(("Max downtime", f"{vm.migration_max_downtime} ms"))
    if hardware is None:
        pairs.append(("XML", Cell(f"broken: {vm.xml_error}", "red")))
    else:
        pairs += [
            ("Description", hardware.description),
            ("vCPUs", f"{known(hardware.vcpu)} ({hardware.vcpu_topology or 'no topology'}, sockets/cores/threads)"),
            ("Memory", _memory(hardware.memory)),
            ("Machine", " ".join((hardware.type, hardware.arch, hardware.machine))),
            *(("Network", f"{n.vni}  {n.mac}  {n.type} {n.source} {n.model}".rstrip()) for n in hardware.networks),
            *(("Disk", f"{d.dev}  {d.type}:{d.name}  {d.bus}") for d in hardware.disks),
        ]
    return output.fields(pairs)


def _tag_text(name: str, kind: str, *, protected: bool) -> str:
    marks = [mark for mark in (kind if kind != "user" else "", "protected" if protected else "") if mark]
    return f"{name} ({', '.join(marks)})" if marks else name


def _when(timestamp: int | None) -> str:
    try:
        return datetime.datetime.fromtimestamp(timestamp or 0, tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "?"
