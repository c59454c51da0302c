"""The storage of the demo cluster: Ceph's own reports, an OSD on each node, a pool, volumes and snapshots."""

import json
import uuid
from collections.abc import Sequence

from pvc_cli.sandbox.demo_items import Pairs, item
from pvc_cli.zk import ZKSchema

_NAMESPACE = uuid.UUID("0d8a5f5e-3f57-4c0c-8e6b-5a2f4f0d3b61")
_FSID = str(uuid.uuid5(_NAMESPACE, "cluster"))
_POOL, _PGS = "vms", 256
_GIB = 1024**3
_OSD_SIZE, _OSD_USED = 1788 * _GIB, 411 * _GIB
_OBJECT = 4 * 1024**2
_STORED = 402 * _GIB
_COPIES = 3
_STATUS = """\
  cluster:
    id:     {fsid}
    health: HEALTH_OK

  services:
    mon: {mons} daemons, quorum {quorum} (age 3w)
    mgr: {active}(active, since 3w){standbys}
    osd: {osds} osds: {osds} up (since 3w), {osds} in (since 3w)

  data:
    pools:   1 pools, {pgs} pgs
    objects: {objects} objects, {stored} GiB
    usage:   {used} GiB used, {free} GiB / {size} GiB avail
    pgs:     {pgs} active+clean
"""
_UTIL = """\
--- RAW STORAGE ---
CLASS  SIZE      AVAIL     USED      RAW USED  %RAW USED
ssd    {size} GiB  {free} GiB  {used} GiB  {used} GiB      {share:.2f}
TOTAL  {size} GiB  {free} GiB  {used} GiB  {used} GiB      {share:.2f}

--- POOLS ---
POOL  ID  PGS  STORED   OBJECTS  USED      %USED  MAX AVAIL
{pool}    1  {pgs}  {stored} GiB   {objects}  {raw} GiB  {share:.2f}   {room} GiB
"""


def reports(nodes: Sequence[str]) -> dict[str, str]:
    """Return what the primary coordinator has of Ceph's status, health and use, by key."""
    count = len(nodes)
    size, used = count * _OSD_SIZE // _GIB, count * _OSD_USED // _GIB
    coordinators = nodes[:_COPIES]
    known = {
        "fsid": _FSID,
        "mons": len(coordinators),
        "quorum": ",".join(coordinators),
        "active": coordinators[0],
        "standbys": f", standbys: {', '.join(coordinators[1:])}" if len(coordinators) > 1 else "",
        "osds": count,
        "pool": _POOL,
        "pgs": _PGS,
        "objects": _STORED // _OBJECT,
        "stored": _STORED // _GIB,
        "raw": _COPIES * _STORED // _GIB,
        "size": size,
        "used": used,
        "free": size - used,
        "room": (size - used) // _COPIES,
        "share": 100 * used / size,
    }
    return {
        "base.storage": _STATUS.format(**known),
        "base.storage.util": _UTIL.format(**known),
        "base.storage.health": json.dumps({"status": "HEALTH_OK", "checks": {}, "mutes": []}),
    }


def storage(schema: ZKSchema, nodes: Sequence[str], disks: Sequence[Sequence[str]]) -> Pairs:
    """Yield every key of the storage, with its value; *disks* are the volumes of each VM, as ``POOL/VOLUME``."""
    for number, node in enumerate(nodes):
        yield from _osd(schema, number, node)
    pool = {"pool.name": _POOL, "pool.pgs": str(_PGS), "pool.stats": json.dumps(_pool_stats(len(nodes)))}
    yield from item(schema, "pool", _POOL, pool)
    yield ("volume", _POOL), ""
    yield ("snapshot", _POOL), ""
    for number, volumes in enumerate(disks):
        for volume in volumes:
            snapshots = ["nightly"] if number % 10 == 2 else []
            stats = _volume_stats(volume, len(snapshots))
            yield from item(schema, "volume", volume, {"volume.stats": json.dumps(stats)})
            yield ("snapshot", volume), ""
            for name in snapshots:
                taken = {"snapshot.stats": json.dumps(stats | {"protected": "false"})}
                yield from item(schema, "snapshot", f"{volume}/{name}", taken)


def _osd(schema: ZKSchema, number: int, node: str) -> Pairs:
    fsid = str(uuid.uuid5(_NAMESPACE, f"osd{number}"))
    values = {
        "osd.id": str(number),
        "osd.node": node,
        "osd.device": "/dev/sdb",
        "osd.ofsid": fsid,
        "osd.cfsid": _FSID,
        "osd.vg": f"ceph-{fsid}",
        "osd.lv": f"osd-block-{fsid}",
        "osd.stats": json.dumps(_osd_stats(number, node, fsid)),
    }
    yield from item(schema, "osd", str(number), values)


def _osd_stats(number: int, node: str, fsid: str) -> dict[str, object]:
    """Return what PVC keeps of ``ceph osd dump``, ``df`` and ``status``."""
    return {
        "uuid": fsid,
        "up": 1,
        "in": 1,
        "primary_affinity": 1.0,
        "utilization": 100 * _OSD_USED / _OSD_SIZE,
        "var": 1.0,
        "pgs": _PGS,
        "kb": _OSD_SIZE // 1024,
        "kb_used": _OSD_USED // 1024,
        "kb_avail": (_OSD_SIZE - _OSD_USED) // 1024,
        "weight": 1.74609,
        "reweight": 1.0,
        "node": node,
        "used": f"{_OSD_USED // _GIB}G",
        "avail": f"{(_OSD_SIZE - _OSD_USED) // _GIB}G",
        "wr_ops": 12 + number,
        "wr_data": 131072,
        "rd_ops": 3,
        "rd_data": 65536,
        "state": "exists,up",
    }


def _pool_stats(osds: int) -> dict[str, object]:
    """Return what PVC keeps of ``ceph df`` and ``rados df`` of a pool."""
    objects = _STORED // _OBJECT
    free = osds * (_OSD_SIZE - _OSD_USED) // _COPIES
    used = _COPIES * _STORED
    return {
        "id": 1,
        "stored_bytes": _STORED,
        "free_bytes": free,
        "used_bytes": used,
        "used_percent": used / (used + _COPIES * free),
        "num_objects": objects,
        "num_object_clones": 0,
        "num_object_copies": _COPIES * objects,
        "num_objects_missing_on_primary": 0,
        "num_objects_unfound": 0,
        "num_objects_degraded": 0,
        "read_ops": 81923,
        "read_bytes": 2147483648,
        "write_ops": 402311,
        "write_bytes": 8589934592,
    }


def _volume_stats(volume: str, snapshots: int) -> dict[str, object]:
    """Return ``rbd info`` of a volume."""
    size = (100 if volume.endswith("_data") else 20) * _GIB
    identity = uuid.uuid5(_NAMESPACE, volume).hex[:12]
    return {
        "name": volume.partition("/")[2],
        "id": identity,
        "size": size,
        "objects": size // _OBJECT,
        "order": 22,
        "object_size": _OBJECT,
        "snapshot_count": snapshots,
        "block_name_prefix": f"rbd_data.{identity}",
        "format": 2,
        "features": ["layering", "exclusive-lock", "object-map", "fast-diff", "deep-flatten"],
        "op_features": [],
        "flags": [],
        "create_timestamp": "Mon Mar  2 09:14:51 2026",
        "access_timestamp": "Mon Mar  2 09:14:51 2026",
        "modify_timestamp": "Mon Mar  2 09:14:51 2026",
    }
