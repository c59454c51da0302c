"""Trouble for the demo cluster: one of each kind, to see how pvc shows it."""

import json
import time
from collections.abc import Iterator, Mapping

from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.store import Op

_DEAD, _SICK = "pvchv3", "pvchv2"
_RESET = (
    *("running_domains", "count.provisioned_domains", "cpu.load", "vcpu.allocated"),
    *(f"memory.{kind}" for kind in ("total", "used", "free", "allocated", "provisioned")),
)
"""What PVC sets to 0 of a node that it fenced."""
_CEPH = {
    "status": "HEALTH_WARN",
    "checks": {"OSD_DOWN": {"severity": "HEALTH_WARN", "summary": {"message": "1 osds down"}}},
}
_STUCK = f"{'0' * 32}__lock__0000000000"
"""A place in the queue for a lock, as a restored backup of PVC's leaves it: it belongs to no session."""


def make_trouble(handler: ZKHandler) -> None:
    """Bring trouble to the demo cluster of *handler*, in one transaction.

    A fenced node, an unhealthy one, faults that nobody has acknowledged, an OSD that is out, a VM that PVC leaves
    out, one outside its node limit, a claim of a VF that no VM uses, a lock that is stuck, and a key that is missing.
    What the schema version lacks is left out, and so is the trouble of VMs that a small demo cluster does not have.
    """
    uuids = handler.children("base.domain") or []
    names = handler.read_many(("domain", uuid) for uuid in uuids)
    vms = {name: uuid for name, uuid in zip(names, uuids, strict=True) if name}
    transaction = handler.transaction()
    for key, value in _values(vms):
        if handler.exists(key):
            transaction.set(key, value)
    ceph = handler.read("base.storage") or ""
    for old, new in (("HEALTH_OK", "HEALTH_WARN\n            1 osds down\n"), ("3 up", "2 up"), ("3 in", "2 in")):
        ceph = ceph.replace(old, new, 1)
    transaction.set("base.storage", ceph)
    for key, value in _faults(handler):
        transaction.create(key, value)
    if "lab-01" in vms:
        transaction.delete(("domain.profile", vms["lab-01"]))
    lock = handler.schema.path("base.config.primary_node.sync_lock")
    transaction.add(Op("create", f"{lock}/{_STUCK}"))
    transaction.commit()


def _values(vms: Mapping[str, str]) -> Iterator[tuple[Key, str]]:
    yield ("node.state.daemon", _DEAD), "fenced"
    yield ("node.state.domain", _DEAD), "flushed"
    for key in _RESET:
        yield (f"node.{key}", _DEAD), "0"
    yield ("node.monitoring.health", _DEAD), ""
    yield ("node.monitoring.health", _SICK), "90"
    plugin = ("node.monitoring.data", _SICK)
    yield (*plugin, "monitoring_plugin.health_delta", "edac"), "10"
    yield (*plugin, "monitoring_plugin.message", "edac"), "EDAC reports 12 corrected errors"
    yield "base.storage.health", json.dumps(_CEPH)
    yield ("osd.stats", "2"), json.dumps({"up": 0, "in": 0, "utilization": 0.0})
    if "web-02" in vms:
        yield ("domain.meta.autostart", vms["web-02"]), ""
    if "app-01" in vms:
        yield ("domain.meta.node_limit", vms["app-01"]), "pvchv1"
    if "web-01" in vms:
        vf = ("node.sriov.vf", "pvchv1")
        yield (*vf, "sriov_vf.used", "ens1f1v3"), "True"
        yield (*vf, "sriov_vf.used_by", "ens1f1v3"), vms["web-01"]


def _faults(handler: ZKHandler) -> Iterator[tuple[Key, str]]:
    if "base.faults" not in handler.schema.keys:
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    for name, delta, message in (
        ("3f0c91aa", "50", f"Node {_DEAD} was dead and is now fenced"),
        ("9d41e7b2", "10", f"Node {_SICK} has corrected memory errors"),
    ):
        values = {"faults.first_time": when, "faults.last_time": when, "faults.status": "new"}
        values |= {"faults.delta": delta, "faults.message": message}
        for key, _ in handler.schema.keys_of("faults"):
            yield (key, name), values.get(key, "")
