"""The JSON documents of VMs and nodes, field by field as PVC's API has them, at every schema version."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from pvc_cli.cluster.node_details import read_node_details
from pvc_cli.cluster.nodes import list_nodes
from pvc_cli.cluster.vms.model import Vm, VmSummary
from pvc_cli.cluster.vms.query import list_vms
from pvc_cli.cluster.vms.read import read_summaries, read_vms
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree, round_trips

Document = dict[str, Any]
XML = """<domain type='kvm'>
  <name>web-01</name>
  <description>A web server</description>
  <memory unit='MiB'>2048</memory>
  <vcpu>2</vcpu>
  <cpu><topology sockets='1' cores='2' threads='1'/></cpu>
  <os><type arch='x86_64' machine='pc-i440fx-6.0'>hvm</type></os>
  <features><acpi/><apic/></features>
  <devices>
    <emulator>/usr/bin/kvm</emulator>
    <controller type='usb' index='0'/>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <console type='pty'/>
    <disk type='network'>
      <source protocol='rbd' name='vms/web-01_root'/>
      <target dev='sda' bus='scsi'/>
    </disk>
    <disk type='file'>
      <source file='/srv/cd.iso'/>
      <target dev='sdb'/>
    </disk>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:01'/>
      <source bridge='vmbr1001'/>
      <model type='virtio'/>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:02'/>
      <source bridge='brcluster'/>
    </interface>
    <interface type='direct'>
      <source dev='ens1f0v1'/>
    </interface>
    <interface type='hostdev'>
      <mac address='52:54:00:00:00:03'/>
      <sriov_device>ens1f0v2</sriov_device>
    </interface>
  </devices>
</domain>
"""
TRAFFIC = {
    "rd_bytes": 11,
    "rd_packets": 12,
    "rd_errors": 13,
    "rd_drops": 14,
    "wr_bytes": 15,
    "wr_packets": 16,
    "wr_errors": 17,
    "wr_drops": 18,
}
STATS = {
    "state": "RUNNING",
    "maxmem": 2097152,
    "livemem": 2097152,
    "cpus": 2,
    "cputime": 30,
    "mem_stats": {"actual": 2097152, "rss": 1000000, "last_update": 1772361600},
    "cpu_stats": {"cpu_time": 30, "user_time": 20, "system_time": 10},
    "disk_stats": [
        {"name": "vms/web-01_root", "rd_req": 1, "rd_bytes": 2, "wr_req": 3, "wr_bytes": 4, "err": -1},
        {"name": "/srv/cd.iso", "rd_req": 5, "rd_bytes": 6, "wr_req": 0, "wr_bytes": 0, "err": -1},
    ],
    "net_stats": [{"name": "vnet0", "bridge": "vmbr1001", **TRAFFIC}],
}
NO_TRAFFIC = dict.fromkeys(TRAFFIC, 0)


@pytest.fixture
def web(tree: Tree) -> Tree:
    """The demo cluster, with every value of web-01 known; *root* is its path."""
    uuid = tree.uuid("web-01")
    root = f"/domains/{uuid}"
    tree.client.delete(f"{root}/tags", recursive=True)
    values = {
        "xml": XML,
        "state": "start",
        "node": "pvchv2",
        "lastnode": "pvchv1",
        "failedreason": "",
        "profile": "small",
        "stats": json.dumps(STATS),
        "vnc": "127.0.0.1:5901",
        "node_limit": "pvchv1,pvchv2",
        "node_selector": "mem",
        "node_autostart": "True",
        "migration_method": "live",
        "migration_max_downtime": "500",
        "tags/blue": "blue",
        "tags/blue/type": "user",
        "tags/blue/protected": "True",
        "snapshots/before": "before",
        "snapshots/before/timestamp": str(time.time() - 3600),
        "snapshots/before/xml": XML.replace("2048", "1024").replace("<apic/>", "<apic/><pae/>"),
        "snapshots/before/rbdsnaplist": "vms/web-01_root@before",
    }
    for path, value in values.items():
        tree.put(f"{root}/{path}", value.encode())
    return tree


def one(pvc: Pvc, *arguments: str) -> Document:
    result = pvc(*arguments, "-o", "json")
    assert (result.code, result.err) == (0, "")
    document: Document = json.loads(result.out)
    return document


def test_a_vm_is_pvcs_document(on_tree: Pvc, web: Tree) -> None:
    document = one(on_tree, "vm", "info", "web-01")
    (snapshot,) = document.pop("snapshots")
    assert snapshot.pop("timestamp") == pytest.approx(time.time() - 3600, abs=60)
    age = snapshot.pop("age")
    assert isinstance(age, int)
    assert age == pytest.approx(3600, abs=60)
    assert snapshot == {
        "name": "before",
        "rbd_snapshots": ["vms/web-01_root@before"],
        "xml_diff_lines": [
            "-  <memory unit='MiB'>1024</memory>",
            "+  <memory unit='MiB'>2048</memory>",
            "-  <features><acpi/><apic/><pae/></features>",
            "+  <features><acpi/><apic/></features>",
        ],
    }
    assert document == {
        "name": "web-01",
        "uuid": web.uuid("web-01"),
        "state": "start",
        "node": "pvchv2",
        "last_node": "pvchv1",
        "migrated": "from pvchv1",
        "failed_reason": "",
        "node_limit": ["pvchv1", "pvchv2"],
        "node_selector": "mem",
        "node_autostart": True,
        "migration_method": "live",
        "migration_max_downtime": 500,
        "tags": [{"name": "blue", "type": "user", "protected": True}],
        "description": "A web server",
        "profile": "small",
        "memory": 2048,
        "memory_stats": STATS["mem_stats"],
        "vcpu": 2,
        "vcpu_topology": "1/2/1",
        "vcpu_stats": STATS["cpu_stats"],
        "networks": [
            {
                "type": "bridge",
                "vni": 1001,
                "mac": "52:54:00:00:00:01",
                "source": "vmbr1001",
                "model": "virtio",
                **TRAFFIC,
            },
            {
                "type": "bridge",
                "vni": "cluster",
                "mac": "52:54:00:00:00:02",
                "source": "brcluster",
                "model": None,
                **NO_TRAFFIC,
            },
            {
                "type": "direct",
                "vni": "macvtap:ens1f0v1",
                "mac": None,
                "source": "ens1f0v1",
                "model": None,
                **NO_TRAFFIC,
            },
            {
                "type": "hostdev",
                "vni": "hostdev:ens1f0v2",
                "mac": "52:54:00:00:00:03",
                "source": "ens1f0v2",
                "model": None,
                **NO_TRAFFIC,
            },
        ],
        "type": "hvm",
        "arch": "x86_64",
        "machine": "pc-i440fx-6.0",
        "console": "pty",
        "vnc": {"listen": "127.0.0.1", "port": 5901},
        "emulator": "/usr/bin/kvm",
        "features": ["acpi", "apic"],
        "disks": [
            {
                "type": "rbd",
                "name": "vms/web-01_root",
                "dev": "sda",
                "bus": "scsi",
                "rd_req": 1,
                "rd_bytes": 2,
                "wr_req": 3,
                "wr_bytes": 4,
            },
            {
                "type": "file",
                "name": "/srv/cd.iso",
                "dev": "sdb",
                "bus": None,
                "rd_req": 5,
                "rd_bytes": 6,
                "wr_req": 0,
                "wr_bytes": 0,
            },
        ],
        "controllers": [{"type": "usb", "model": None}, {"type": "scsi", "model": "virtio-scsi"}],
        "xml": XML,
    }


def test_a_list_has_the_same_documents(on_tree: Pvc, web: Tree) -> None:
    info = one(on_tree, "vm", "info", "web-01")
    (listed,) = json.loads(on_tree("vm", "list", "^web-01$", "-o", "json").out)
    for document in (info, listed):
        document["snapshots"][0].pop("age")
    assert listed == info


def test_a_list_shows_what_documents_have(web: Tree) -> None:
    with ZKHandler(web.hosts) as handler:
        uuids = [vm.uuid for vm in list_vms(handler)]
        summaries, complete = list(read_summaries(handler, uuids)), list(read_vms(handler, uuids))
    for summary, vm in zip(summaries, complete, strict=True):
        assert _hardware(summary) == _hardware(vm)
        assert summary._replace(hardware=vm.hardware) == VmSummary(
            **{name: getattr(vm, name) for name in VmSummary._fields if name != "tags"},
            tags=tuple(tag.name for tag in vm.tags),
        )


def _hardware(vm: Vm | VmSummary) -> dict[str, object]:
    """Return all that a VM's hardware says."""
    return {name: getattr(vm.hardware, name) for name in dir(vm.hardware) if not name.startswith("_")}


def test_what_a_vm_does_not_set_is_null(on_tree: Pvc, web: Tree) -> None:
    root = f"/domains/{web.uuid('web-01')}"
    for path in ("node_limit", "node_selector", "migration_method", "vnc", "lastnode", "xml"):
        web.put(f"{root}/{path}", b"")
    for value in (b"", b"none", b"None"):
        web.put(f"{root}/node_selector", value)
        web.put(f"{root}/migration_method", value)
        (document,) = json.loads(on_tree("vm", "list", "^web-01$", "-o", "json").out)
        assert [document[name] for name in ("node_limit", "node_selector", "migration_method")] == [None] * 3
    assert document["vnc"] == {"listen": None, "port": None}
    assert document["migrated"] == "no"
    assert document["networks"] is document["disks"] is document["controllers"] is document["memory"] is None
    assert document["memory_stats"] == STATS["mem_stats"]
    assert all(line.startswith("-") for line in document["snapshots"][0]["xml_diff_lines"])


@pytest.mark.parametrize("text", [b"", b"{}", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"net_stats": 7}'])
def test_broken_statistics_are_empty_and_break_no_listing(on_tree: Pvc, web: Tree, text: bytes) -> None:
    web.put(f"/domains/{web.uuid('web-01')}/stats", text)
    document = one(on_tree, "vm", "info", "web-01")
    assert (document["memory_stats"], document["vcpu_stats"]) == ({}, {})
    assert NO_TRAFFIC.items() <= document["networks"][0].items()
    assert (document["disks"][0]["rd_req"], document["disks"][0]["wr_bytes"]) == (0, 0)
    assert len(one(on_tree, "vm", "list")) == 20


def test_half_a_snapshot_is_null_where_it_lacks_something(on_tree: Pvc, web: Tree) -> None:
    snapshots = f"/domains/{web.uuid('web-01')}/snapshots"
    web.client.delete(f"{snapshots}/before", recursive=True)
    web.put(f"{snapshots}/half", b"half")
    assert one(on_tree, "vm", "info", "web-01")["snapshots"] == [
        {"name": "half", "timestamp": None, "age": None, "rbd_snapshots": [], "xml_diff_lines": None}
    ]


def test_the_table_of_one_vm_tells_what_changed_since_a_snapshot(on_tree: Pvc, web: Tree) -> None:
    text = on_tree("vm", "info", "web-01").out
    assert "XML since: +2/-2 lines)" in text
    assert "cluster  52:54:00:00:00:02  bridge brcluster\n" in text
    assert "None" not in text


PLUGINS = {
    "disk": ("1772361600", "10", "/dev/sdb attribute Reallocated_Sector_Ct value 8", '{"disks": ["/dev/sdb"]}'),
    "load": ("1772361601", "0", "Current load is 1.25 out of 32 CPU cores", "{}"),
}
CARD = {
    "rx_bps": 8000,
    "rx_pps": 10,
    "tx_bps": 4000,
    "tx_pps": 5,
    "total_bps": 12000,
    "total_pps": 15,
    "link_speed": 10_000_000_000,
    "state": "up",
}


@pytest.fixture
def ailing(tree: Tree) -> Tree:
    """The demo cluster, with every value of pvchv2 known, and something wrong with it."""
    root = "/nodes/pvchv2"
    tree.client.delete(f"{root}/monitoring_data", recursive=True)
    values = {
        "": "coordinator",
        "daemonmode": "coordinator",
        "daemonstate": "run",
        "routerstate": "secondary",
        "domainstate": "ready",
        "pvcversion": "1.0.3",
        "staticdata": "32 6.1.0-37-amd64 Debian x86_64",
        "monitoring_health": "90",
        "monitoring_plugins": "load disk late",
        "network_stats": json.dumps({"ens1f0": CARD}),
        "cpuload": "1.25",
        "domainscount": "2",
        "runningdomains": f"{tree.uuid('web-01')} {tree.uuid('db-01')} 00000000-0000-0000-0000-000000000000",
        "vcpualloc": "10",
        "memtotal": "131072",
        "memalloc": "18432",
        "memprov": "20480",
        "memused": "22016",
        "memfree": "109056",
        "monitoring_data/late": "late",
    }
    for plugin, (last_run, delta, message, data) in PLUGINS.items():
        values[f"monitoring_data/{plugin}"] = plugin
        parts = {"last_run": last_run, "health_delta": delta, "message": message, "data": data, "runtime": "0.02"}
        values |= {f"monitoring_data/{plugin}/{part}": value for part, value in parts.items()}
    for path, value in values.items():
        tree.put(f"{root}/{path}".rstrip("/"), value.encode())
    return tree


def test_a_node_is_pvcs_document(on_tree: Pvc, ailing: Tree) -> None:
    document = one(on_tree, "node", "info", "pvchv2")
    assert document == {
        "name": "pvchv2",
        "mode": "coordinator",
        "daemon_state": "run",
        "coordinator_state": "secondary",
        "domain_state": "ready",
        "pvc_version": "1.0.3",
        "cpu_count": 32,
        "kernel": "6.1.0-37-amd64",
        "os": "Debian",
        "arch": "x86_64",
        "health": 90,
        "health_plugins": ["load", "disk", "late"],
        "health_details": [
            {
                "name": "load",
                "last_run": 1772361601,
                "health_delta": 0,
                "message": "Current load is 1.25 out of 32 CPU cores",
                "data": {},
            },
            {
                "name": "disk",
                "last_run": 1772361600,
                "health_delta": 10,
                "message": "/dev/sdb attribute Reallocated_Sector_Ct value 8",
                "data": {"disks": ["/dev/sdb"]},
            },
        ],
        "load": 1.25,
        "domains_count": 2,
        "running_domains": ["web-01", "db-01", "00000000-0000-0000-0000-000000000000"],
        "vcpu": {"total": 32, "allocated": 10},
        "memory": {"total": 131072, "allocated": 18432, "provisioned": 20480, "used": 22016, "free": 109056},
        "interfaces": {"ens1f0": CARD},
        "ipmi": {"hostname": "pvchv2-lom.example.net", "username": "admin"},
        "schema": {"active": 15, "latest": 15},
        "stale": False,
        "fencing": None,
    }
    listed = json.loads(on_tree("node", "list", "-o", "json").out)
    assert listed[1] == document
    assert yaml.safe_load(on_tree("node", "list", "-o", "yaml").out) == listed
    # Several are a list, in the order in which they are named, each once.
    several = json.loads(on_tree("node", "info", "pvchv2,pvchv1", "pvchv2", "-o", "json").out)
    assert several == [document, listed[0]]


def test_the_table_of_a_node_shows_the_checks_that_cost_health(on_tree: Pvc, ailing: Tree) -> None:
    text = on_tree("node", "info", "pvchv2").out
    assert "disk: /dev/sdb attribute Reallocated_Sector_Ct value 8 (-10 %)\n" in text
    assert "load" not in text.replace(", load 1.25", "")
    status = on_tree("cluster", "status")
    assert "the health of pvchv2 is 90 %" in status.out
    assert "pvc node info pvchv2" in status.out


def test_a_fenced_node_runs_nothing(on_tree: Pvc, ailing: Tree) -> None:
    ailing.put("/nodes/pvchv2/daemonstate", b"fenced")
    for path in ("runningdomains", "domainscount", "memalloc", "vcpualloc"):
        ailing.put(f"/nodes/pvchv2/{path}", b"0")
    document = one(on_tree, "node", "info", "pvchv2")
    assert (document["running_domains"], document["domains_count"]) == ([], 0)
    assert "on it, 0 of them running" in on_tree("node", "info", "pvchv2").out


BROKEN = [b"", b"{", b"\xff", b"[" * 100_000, b'"\\ud800"', b"[" * 300 + b"]" * 300]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("style", ["json", "yaml"])
def test_what_a_node_reports_is_not_trusted(on_tree: Pvc, ailing: Tree, text: bytes, style: str) -> None:
    root = "/nodes/pvchv2"
    ailing.put(f"{root}/network_stats", text)
    ailing.put(f"{root}/runningdomains", b"a/b .. \x1b[2J 0")
    ailing.put(f"{root}/monitoring_plugins", b"disk disk a/b .. nothing")
    ailing.put(f"{root}/monitoring_health", b"bad")
    for part in ("last_run", "health_delta", "data"):
        ailing.put(f"{root}/monitoring_data/disk/{part}", text)
    result = on_tree("node", "info", "pvchv2", "-o", style)
    assert (result.code, result.err) == (0, "")
    document = yaml.safe_load(result.out)
    assert (document["interfaces"], document["health"]) == ({}, None)
    assert document["running_domains"] == ["a/b", "..", "\x1b[2J"]
    assert document["health_plugins"] == ["disk", "disk", "a/b", "..", "nothing"]
    (check,) = document["health_details"]
    assert (check["last_run"], check["health_delta"]) == (None, None)
    assert check["data"] == ("?" if b"ud800" in text else None)
    assert on_tree("node", "info", "pvchv2").code == 0


def test_the_details_of_all_nodes_are_three_batches(demo: Callable[..., Tree]) -> None:
    with ZKHandler(demo(vms=20).hosts) as handler:
        nodes = list_nodes(handler)
        before = round_trips(handler)
        details = read_node_details(handler, nodes)
        assert round_trips(handler) - before == 3
    assert all(found.running_domains and found.health_checks for found in details)


@pytest.mark.parametrize("version", [0, 2, 3, 8, 9, 11, 12, 13, 14, 15])
def test_what_a_version_lacks_is_null_or_empty(pvc: Pvc, demo: Callable[..., Tree], version: int) -> None:
    on = ("--coordinators", demo(version=version).hosts)
    vms = json.loads(pvc(*on, "vm", "list", "-o", "json").out)
    db = next(document for document in vms if document["name"] == "db-01")
    assert bool(db["tags"]) == (version >= 3)
    assert db["migration_max_downtime"] == (300 if version >= 13 else None)
    assert bool(db["snapshots"]) == (version >= 14)
    assert db["memory_stats"]["actual"] == 16384 * 1024
    assert db["disks"][0]["wr_bytes"] > 0
    assert db["networks"][0]["rd_packets"] > 0
    (node, *_) = json.loads(pvc(*on, "node", "list", "-o", "json").out)
    assert node == one(pvc, *on, "node", "info", "pvchv1")
    assert node["pvc_version"] == ("1.0.3" if version >= 2 else None)
    assert node["health"] == (100 if version >= 9 else None)
    assert bool(node["health_plugins"]) == bool(node["health_details"]) == (version >= 9)
    assert bool(node["interfaces"]) == (version >= 12)
    assert "web-01" in node["running_domains"]


def test_a_stopped_vm_of_the_demo_has_no_statistics_and_a_running_one_has(on_tree: Pvc, tree: Tree) -> None:
    for document in json.loads(on_tree("vm", "list", "-o", "json").out):
        runs = document["state"] == "start"
        assert bool(document["memory_stats"]) == bool(document["vcpu_stats"]) == runs
        assert all((disk["rd_req"] > 0) == runs for disk in document["disks"])


def test_the_nodes_of_the_demo_report_what_runs_on_them(on_tree: Pvc, tree: Tree) -> None:
    vms = json.loads(on_tree("vm", "list", "-o", "json").out)
    for node in json.loads(on_tree("node", "list", "-o", "json").out):
        on_it = [vm for vm in vms if vm["node"] == node["name"]]
        running = [vm for vm in on_it if vm["state"] == "start"]
        assert sorted(node["running_domains"]) == sorted(vm["name"] for vm in running)
        assert node["domains_count"] == len(running)
        assert node["vcpu"]["allocated"] == sum(vm["vcpu"] for vm in running)
        assert node["memory"]["allocated"] == sum(vm["memory"] for vm in running)
        assert node["memory"]["provisioned"] == sum(vm["memory"] for vm in on_it)
        assert node["memory"]["used"] + node["memory"]["free"] == node["memory"]["total"]
        assert [check["name"] for check in node["health_details"]] == node["health_plugins"]
        assert node["health"] == 100 - sum(check["health_delta"] for check in node["health_details"])
