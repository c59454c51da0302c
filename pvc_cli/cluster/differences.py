"""What differs between two trees, by the names of VMs, nodes, networks and all else."""

from __future__ import annotations

from collections.abc import Iterator

from pvc_cli.cluster.difference_model import ItemDifference, KeyDifference, kind_of, name_of, rank_of, status_of
from pvc_cli.cluster.values import natural_key
from pvc_cli.errors import InvalidItemError
from pvc_cli.zk.compare import Difference, Differences
from pvc_cli.zk.places import Place
from pvc_cli.zk.schema import ZKSchema
from pvc_cli.zk.secrets import mask
from pvc_cli.zk.spool import Spool

_REPORTED_GROUPS = frozenset({"lease", "logs", "monitoring_plugin"})
_REPORTED = frozenset({
    "base.storage", "base.storage.util", "base.storage.health",
    "domain.console.log", "domain.console.vnc", "domain.stats", "faults.last_time",
    "node.count.networks", "node.count.provisioned_domains", "node.cpu.load", "node.data.active_schema",
    "node.data.latest_schema", "node.data.pvc_version", "node.data.static", "node.keepalive", "node.memory.allocated",
    "node.memory.free", "node.memory.provisioned", "node.memory.total", "node.memory.used", "node.monitoring.health",
    "node.monitoring.plugins", "node.network.stats", "node.running_domains", "node.state.daemon", "node.state.router",
    "node.vcpu.allocated", "osd.stats", "pool.stats", "snapshot.stats", "volume.stats",
})  # fmt: skip
"""What daemons report of themselves, and of what they run: it changes all the time, and nobody did it."""


class Comparison:
    """What differs between two trees.

    :param before: the tree that comes first.
    :param after: the one that it became.
    :param schema: tells what is where; any version does.
    :param everything: also compare what daemons report of themselves.
    :param secrets: show secrets.
    """

    def __init__(
        self, before: Spool, after: Spool, schema: ZKSchema, *, everything: bool = False, secrets: bool = False
    ) -> None:
        self._schema = schema
        self._found = Differences(before, after, schema, lambda place: everything or not is_reported(place))
        self._secrets = secrets

    def __len__(self) -> int:
        """Return how many items differ."""
        return len(self._found.items)

    @property
    def left_out(self) -> int:
        """How many keys differ that daemons report."""
        return self._found.left_out

    def __iter__(self) -> Iterator[ItemDifference]:
        """Yield every item that differs: the cluster first, then nodes, VMs and the others by name."""
        values = self._found.values(self._found.items)
        named = [
            (kind_of(place), name_of(place, values.get(top, "")), top) for top, place in self._found.items.items()
        ]
        for kind, name, top in sorted(named, key=lambda one: (rank_of(one[0]), natural_key(one[1]), one[2])):
            place = self._found.items[top]
            changes = tuple(self._key(place, difference) for place, difference in self._found.below(top))
            yield ItemDifference(kind, name, place.item or None, status_of(top, changes), changes)

    def vm_name(self, uuid: str) -> str:
        """Return the name of a VM; *uuid* itself if there is none."""
        try:
            path = self._schema.path(("domain", uuid)) or ""
        except InvalidItemError:
            return uuid
        return self._found.values([path]).get(path, uuid)

    def _key(self, place: Place, found: Difference) -> KeyDifference:
        before, after = (self._text(found.path, value) for value in (found.before, found.after))
        return KeyDifference(place.words, found.path, before, after, place.whole)

    def _text(self, path: str, value: bytes | None) -> str | None:
        if value is None:
            return None
        return (value if self._secrets else mask(path, value)).decode("utf-8", "replace")


def is_reported(place: Place) -> bool:
    """Tell whether daemons report what is at *place*, rather than anybody setting it."""
    # Of a sub-item, its own key tells, not that of its container.
    key = place.words[-2] if len(place.words) > 1 else place.words[0] if place.words else ""
    return key in _REPORTED or ZKSchema.group_of(key) in _REPORTED_GROUPS
