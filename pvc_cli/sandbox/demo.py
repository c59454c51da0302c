"""A demo cluster, such as a real one is: nodes, VMs with disks, networks and tags, SR-IOV, storage."""

import json
import random
import uuid
from collections.abc import Iterable, Mapping, Sequence

from pvc_cli.sandbox import domain_xml, measured
from pvc_cli.sandbox.demo_items import Pairs, item
from pvc_cli.sandbox.demo_networks import NETWORKS, networks
from pvc_cli.sandbox.demo_storage import reports, storage
from pvc_cli.zk import Transaction, ZKHandler, ZKSchema
from pvc_cli.zk.execute import execute

COORDINATORS = ("pvchv1", "pvchv2", "pvchv3")
ROLES = {
    "web": ("Public web server", 2048, 2, ("production", "frontend")),
    "app": ("Application server", 4096, 4, ("production",)),
    "db": ("PostgreSQL database", 16384, 8, ("production", "stateful")),
    "cache": ("Redis cache", 8192, 2, ("production",)),
    "build": ("Continuous integration runner", 8192, 8, ("ci",)),
    "mail": ("Mail relay", 2048, 1, ("production",)),
    "dns": ("Resolver", 1024, 1, ("production",)),
    "lab": ("Scratch machine", 1024, 1, ("staging",)),
    "monitor": ("Metrics and alerts", 4096, 2, ("production",)),
    "nfv": ("Virtual router on SR-IOV", 4096, 4, ("production", "network")),
}
FAULTS = {
    "1c9a4f02": {
        "faults.status": "ack",
        "faults.ack_time": "2026-03-01 09:30:00",
        "faults.delta": "10",
        "faults.message": "Node pvchv2 disk sdb reports reallocated sectors",
    },
    "7be3d518": {
        "faults.status": "ack",
        "faults.ack_time": "2026-03-01 10:30:00",
        "faults.delta": "0",
        "faults.message": "Node pvchv3 has 4 packages to update",
    },
}
_NAMESPACE = uuid.UUID("7d3c2f6e-5a3b-4f0e-9a44-0e6f1f6f4c55")
_PFS = ("ens1f0", "ens1f1")
_VFS_PER_PF = 4
_VMS_PER_NODE = 5_000


def fill(handler: ZKHandler, *, vms: int, schema: ZKSchema) -> None:
    """Fill an empty tree with a demo cluster of *vms* VMs at the version of *schema*, in few big requests."""
    transaction = Transaction(handler.store, schema)
    for key, value in cluster(vms, schema):
        transaction.create(key, value)
    execute(handler.store, [(op,) for op in transaction.ops])
    handler.refresh_schema()


def node_names(vms: int) -> tuple[str, ...]:
    """Return the nodes of a demo cluster of *vms* VMs: three, or so many that each holds the list of its VMs."""
    return COORDINATORS + tuple(f"pvchv{number}" for number in range(4, -(-vms // _VMS_PER_NODE) + 1))


def cluster(vms: int, schema: ZKSchema) -> Pairs:
    """Yield every key of the demo cluster with its value, parents first. The same arguments give the same tree."""
    nodes = node_names(vms)
    values = {
        "base.schema.version": str(schema.version),
        "base.config.maintenance": "false",
        "base.config.primary_node": nodes[0],
        "base.config.upstream_ip": "10.0.0.250",
        "base.config.migration_target_selector": "mem",
        **reports(nodes),
    }
    for name, _ in schema.keys_of("base"):
        if name != "base.root":
            yield name, values.get(name, "")
    machines = [_machine(index, nodes) for index in range(vms)]
    for number, node in enumerate(nodes):
        yield from _node(schema, node, number, [m for m in machines if m["domain.node"] == node])
        yield from _sriov(schema, node, number, machines)
    for machine in machines:
        yield from _vm(schema, machine)
    yield from networks(schema)
    yield from storage(schema, nodes, [machine["domain.storage.volumes"].split(",") for machine in machines])
    yield from _faults(schema)


def _faults(schema: ZKSchema) -> Pairs:
    """Yield what the nodes' daemons complain about."""
    if "faults" in schema.groups:
        for name, values in FAULTS.items():
            times = {"faults.first_time": "2026-03-01 09:00:00", "faults.last_time": "2026-03-01 10:00:00"}
            yield from item(schema, "faults", name, times | values)


def _machine(index: int, nodes: Sequence[str]) -> dict[str, str]:
    """Return the values of one VM, and, under keys without a dot, what other items need to know of it."""
    role = list(ROLES)[index % len(ROLES)]
    description, memory, vcpus, tags = ROLES[role]
    name = f"{role}-{index // len(ROLES) + 1:02d}"
    identity = str(uuid.uuid5(_NAMESPACE, name))
    state = "start" if index % 11 < 9 or role == "nfv" else ("stop" if index % 11 == 9 else "shutdown")
    migrated = index % 13 == 5 and state == "start"
    home = nodes[index % len(nodes)]
    at = nodes[(index + 1) % len(nodes)] if migrated else home
    vf = f"{_PFS[0]}v{index // len(ROLES) % _VFS_PER_PF}" if role == "nfv" and index < 10 else ""
    disks = [f"vms/{name}_root"] + ([f"vms/{name}_data"] if role == "db" else [])
    network = random.Random(index).choice(list(NETWORKS))  # noqa: S311 - a demo needs variety, no secrets
    serial = ":".join(f"{byte:02x}" for byte in uuid.UUID(identity).bytes[:3])
    vf_mac = f"52:54:03:{serial}"
    bridge = f"vmbr{network}"
    state = "fail" if index == 17 else state

    def xml(mebibytes: int) -> str:
        return domain_xml.render(
            name,
            identity,
            description,
            mebibytes,
            vcpus,
            bridges=[(bridge, f"52:54:00:{serial}")],
            volumes=disks,
            vfs=[(vf, vf_mac)] if vf else [],
        )

    return {
        "uuid": identity,
        "memory": str(memory),
        "vcpus": str(vcpus),
        # It got more memory since.
        "snapshot": xml(memory // 2) if role == "db" else "",
        "tags": " ".join(tags),
        "vf": vf,
        "vf_mac": vf_mac,
        "domain.name": name,
        "domain.xml": xml(memory),
        "domain.state": state,
        "domain.profile": f"{role}-small",
        "domain.stats": measured.vm_stats(name, memory, vcpus, disks, [bridge]) if state == "start" else "{}",
        "domain.node": at,
        "domain.last_node": home if migrated else "",
        "domain.failed_reason": "The host ran out of memory" if index == 17 else "",
        "domain.storage.volumes": ",".join(disks),
        "domain.console.vnc": f"127.0.0.1:{5900 + index % 1000}" if state == "start" else "",
        "domain.meta.autostart": "False",
        "domain.meta.migrate_method": "shutdown" if vf else "none",
        "domain.meta.node_selector": "mem" if role == "db" else "none",
        "domain.meta.node_limit": ",".join(sorted({nodes[0], at})) if role == "db" else "",
    }


def _vm(schema: ZKSchema, machine: Mapping[str, str]) -> Pairs:
    identity = machine["uuid"]
    yield from item(schema, "domain", identity, machine)
    container = ("domain.meta.tags", identity)
    for tag in machine["tags"].split():
        values = {"tag.name": tag, "tag.type": "user", "tag.protected": str(tag == "stateful")}
        yield from item(schema, "tag", tag, values, container)
    if machine["vf"]:
        values = {"tag.name": "sriov", "tag.type": "system", "tag.protected": "False"}
        yield from item(schema, "tag", "sriov", values, container)
    if machine["snapshot"]:
        values = {
            "domain_snapshot.name": "before-upgrade",
            "domain_snapshot.timestamp": "1760000000.25",
            "domain_snapshot.xml": machine["snapshot"],
            "domain_snapshot.rbd_snapshots": ",".join(
                f"{volume}@before-upgrade" for volume in machine["domain.storage.volumes"].split(",")
            ),
        }
        yield from item(schema, "domain_snapshot", "before-upgrade", values, ("domain.snapshots", identity))


def _node(schema: ZKSchema, name: str, number: int, machines: Sequence[Mapping[str, str]]) -> Pairs:
    mode = "coordinator" if name in COORDINATORS else "hypervisor"
    load = measured.load_of(number, machines)
    checks = measured.health_checks(name, load["node.cpu.load"], _PFS)
    values = {
        **load,
        "node.name": mode,
        "node.mode": mode,
        "node.data.active_schema": str(schema.version),
        "node.data.latest_schema": str(ZKSchema.newest()),
        "node.data.static": "32 6.1.0-37-amd64 Debian x86_64",
        "node.data.pvc_version": "1.0.3",
        "node.count.networks": str(len(NETWORKS)),
        "node.state.daemon": "run",
        "node.state.router": "primary" if number == 0 else "secondary",
        "node.state.domain": "ready",
        "node.ipmi.hostname": f"{name}-lom.example.net",
        "node.ipmi.username": "admin",
        "node.ipmi.password": "Passw0rd",
        "node.monitoring.plugins": " ".join(checks),
        "node.monitoring.health": "100",
        "node.network.stats": measured.network_stats(name, _PFS),
    }
    yield from item(schema, "node", name, values)
    for plugin, (message, data) in checks.items():
        found = {
            "monitoring_plugin.name": plugin,
            "monitoring_plugin.last_run": str(measured.NOW),
            "monitoring_plugin.health_delta": "0",
            "monitoring_plugin.message": message,
            "monitoring_plugin.data": json.dumps(data),
            "monitoring_plugin.runtime": "0.02",
        }
        yield from item(schema, "monitoring_plugin", plugin, found, ("node.monitoring.data", name))
    logs = {"logs.node": "", "logs.messages": f"2026-01-05 03:12:44.101 {name}: keepalive sent"}
    yield from item(schema, "logs", name, logs)


def _sriov(schema: ZKSchema, node: str, number: int, machines: Iterable[Mapping[str, str]]) -> Pairs:
    users = {m["vf"]: m for m in machines if m["vf"] and m["domain.node"] == node}
    for port, pf in enumerate(_PFS):
        values = {"sriov_pf.mtu": "9000", "sriov_pf.vfcount": str(_VFS_PER_PF)}
        yield from item(schema, "sriov_pf", pf, values, ("node.sriov.pf", node))
        for index in range(_VFS_PER_PF):
            vf = f"{pf}v{index}"
            hardware = f"aa:bb:{number:02x}:{port:02x}:00:{index:02x}"
            user = users.get(vf)
            values = {
                "sriov_vf.pf": pf,
                "sriov_vf.mtu": "9000",
                "sriov_vf.mac": user["vf_mac"] if user else hardware,
                "sriov_vf.phy_mac": hardware,
                "sriov_vf.config.vlan_id": "0",
                "sriov_vf.config.vlan_qos": "0",
                "sriov_vf.config.tx_rate_min": "0",
                "sriov_vf.config.tx_rate_max": "0",
                "sriov_vf.config.spoof_check": "True",
                "sriov_vf.config.link_state": "auto",
                "sriov_vf.config.trust": "False",
                "sriov_vf.config.query_rss": "False",
                "sriov_vf.pci.domain": "0000",
                "sriov_vf.pci.bus": f"{3 + port:02x}",
                "sriov_vf.pci.slot": "10",
                "sriov_vf.pci.function": str(index),
                "sriov_vf.used": str(bool(user)),
                "sriov_vf.used_by": user["uuid"] if user else "",
            }
            yield from item(schema, "sriov_vf", vf, values, ("node.sriov.vf", node))
