from collections.abc import Collection

import click

from pvc_cli.cluster.nodes import dead_nodes
from pvc_cli.cluster.together import begin
from pvc_cli.cluster.vms.documents import migrated, vm_document
from pvc_cli.cluster.vms.hardware import Disk, Interface
from pvc_cli.cluster.vms.model import Vm, VmSnapshot, is_lost, is_outside
from pvc_cli.cluster.vms.query import find, is_one
from pvc_cli.cluster.vms.read import read_vms
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.sizes import memory_text
from pvc_cli.commands._common.times import time_text
from pvc_cli.commands.vm._show import STATE_COLOURS
from pvc_cli.output.cells import Cell, known
from pvc_cli.output.writer import Output


@click.command("info")
@click.argument("vms", metavar="VM…", nargs=-1, required=True, shell_complete=complete.vms)
@output_option
@pass_context
def command(context: Context, vms: tuple[str, ...]) -> None:
    """Show the details of VMs.

    VM is a name, a UUID, a list with commas, a pattern in quotes, or - for names from standard input.

    \b
    Examples:
      pvc vm info web-01 -o json
      pvc vm info web-01 web-02
    """
    output = context.output
    names = context.names(vms)
    with connect(context) as handler:
        lost = begin(handler, lambda: dead_nodes(handler)) if output.tabular else frozenset
        found = list(read_vms(handler, [vm.uuid for vm in find(handler, names)]))
        dead = lost()
    documents = [vm_document(vm) for vm in found]
    output.show(
        lambda: documents[0] if documents and is_one(*vms) else documents,
        names=lambda: [vm.name for vm in found],
        table=lambda: "\n\n".join(_details(output, vm, dead) for vm in found),
    )


def _details(output: Output, vm: Vm, dead: Collection[str]) -> str:
    hardware = vm.hardware
    pairs: list[tuple[str, str | Cell]] = [
        ("Name", vm.name),
        ("UUID", vm.uuid),
        ("State", Cell(vm.state, STATE_COLOURS.get(vm.state, "blue"))),
    ]
    if vm.failed_reason:
        pairs.append(("Failed because", Cell(vm.failed_reason, "red")))
    pairs += [
        ("Node", _node_cell(vm, dead)),
        ("Migrated", migrated(vm)),
        ("Autostart", {True: "yes", False: "no", None: "?"}[vm.node_autostart]),
        ("Migration", vm.migration_method or "default"),
        ("Node selector", vm.node_selector or "default"),
        ("Node limit", _limit_cell(vm)),
        ("Profile", vm.profile or "none"),
        ("VNC", f"{vm.vnc_listen}:{vm.vnc_port}" if vm.vnc_port else "none"),
        ("Tags", ", ".join(_tag_text(tag.name, tag.type, protected=tag.protected) for tag in vm.tags) or "none"),
        ("Snapshots", ", ".join(_snapshot_text(snapshot) for snapshot in vm.snapshots) or "none"),
    ]
    if vm.migration_max_downtime is not None:
        pairs.append(("Max downtime", f"{vm.migration_max_downtime} ms"))
    if hardware is None:
        pairs.append(("XML", Cell(f"broken: {vm.xml_error}", "red")))
    else:
        pairs += [
            ("Description", hardware.description or ""),
            ("vCPUs", f"{known(hardware.vcpu)} ({hardware.vcpu_topology or 'no topology'}, sockets/cores/threads)"),
            ("Memory", memory_text(hardware.memory)),
            ("Machine", _words(hardware.type, hardware.arch, hardware.machine)),
            *(("Network", _network_text(network)) for network in hardware.networks),
            *(("Disk", _disk_text(disk)) for disk in hardware.disks),
        ]
    return output.fields(pairs)


def _node_cell(vm: Vm, dead: Collection[str]) -> Cell:
    if is_lost(vm.state, vm.node, dead):
        return Cell(f"{vm.node}, which is dead: the VM may not run, see 'pvc node info {vm.node}'", "red")
    return Cell(vm.node)


def _limit_cell(vm: Vm) -> Cell:
    limit = ", ".join(vm.node_limit)
    if is_outside(vm.node, vm.node_limit):
        return Cell(f"{limit}; the VM is on {vm.node}, outside its limit", "red")
    return Cell(limit or "none")


def _tag_text(name: str, kind: str, *, protected: bool) -> str:
    marks = [mark for mark in (kind if kind != "user" else "", "protected" if protected else "") if mark]
    return f"{name} ({', '.join(marks)})" if marks else name


def _network_text(network: Interface) -> str:
    return f"{known(network.vni)}  {known(network.mac)}  {_words(network.type, network.source, network.model)}"


def _disk_text(disk: Disk) -> str:
    return f"{known(disk.dev)}  {known(disk.type)}:{known(disk.name)}  {disk.bus or ''}".rstrip()


def _words(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _snapshot_text(snapshot: VmSnapshot) -> str:
    changes = snapshot.xml_changes or ()
    added = sum(line.startswith("+") for line in changes)
    changed = f", XML since: +{added}/-{len(changes) - added} lines" if changes else ""
    return f"{snapshot.name} ({time_text(snapshot.timestamp)}{changed})"
