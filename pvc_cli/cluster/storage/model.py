"""What a cluster's storage is made of, as the tree has it.

None is what the cluster's schema lacks, what is not set, and statistics that are not JSON.
"""

from typing import NamedTuple

from pvc_cli.cluster.values import Json


class CephReport(NamedTuple):
    """What Ceph reported last, in its own words."""

    type: str
    """``status`` or ``utilization``."""
    primary_node: str | None
    """The primary coordinator, which asks Ceph."""
    ceph_data: str | None
    """The text of ``ceph status`` or ``ceph df``."""


class Osd(NamedTuple):
    """An OSD."""

    id: str
    fsid: str | None
    node: str | None
    device: str | None
    is_split: bool | None
    """Whether several OSDs share its device."""
    db_device: str | None
    stats: Json | None


class Pool(NamedTuple):
    """A pool of volumes."""

    name: str
    volume_count: int
    tier: str | None
    pgs: int | None
    stats: Json | None


class Volume(NamedTuple):
    """A volume of a pool; in its statistics, *size* is in bytes."""

    name: str
    pool: str
    stats: Json | None


class Snapshot(NamedTuple):
    """A snapshot of a volume."""

    pool: str
    volume: str
    snapshot: str
    stats: Json | None
