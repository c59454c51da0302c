"""Read VMs, in one batch per level: what a list shows of them, or all that their documents have."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from pvc_cli.cluster.values import natural_key, parse_bool, parse_float, parse_int, parse_list
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.changes import changed_lines
from pvc_cli.cluster.vms.model import Vm, VmSnapshot
from pvc_cli.cluster.vms.stats import NO_STATS, parse_stats
from pvc_cli.cluster.vms.tags import CONTAINER, Tag, detail_keys, make_tags
from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.reads import Names, Values

_T = TypeVar("_T")
DOCUMENT_KEYS = (
    "domain.name",
    "domain.xml",
    "domain.state",
    "domain.node",
    "domain.last_node",
    "domain.failed_reason",
    "domain.profile",
    "domain.console.vnc",
    "domain.meta.autostart",
    "domain.meta.migrate_method",
    "domain.meta.migrate_max_downtime",
    "domain.meta.node_selector",
    "domain.meta.node_limit",
)
"""Keys of a VM that its document shows, tags, snapshots and statistics aside."""
SNAPSHOT_KEYS = ("domain_snapshot.timestamp", "domain_snapshot.rbd_snapshots")


class _Extent(NamedTuple):
    """Which keys of a VM and of each of its snapshots are read."""

    keys: tuple[str, ...]
    snapshot_keys: tuple[str, ...]


_LISTED = _Extent(DOCUMENT_KEYS, SNAPSHOT_KEYS)
_COMPLETE = _Extent((*DOCUMENT_KEYS, "domain.stats"), (*SNAPSHOT_KEYS, "domain_snapshot.xml"))
_FIRST, _CHUNK = 100, 500
_Rows = list[tuple[Values, Names]]


def read_vms(handler: ZKHandler, uuids: Sequence[str]) -> Iterator[Vm]:
    """Yield the VMs with these UUIDs, in order, without statistics; one that is deleted meanwhile is left out.

    They are read a few hundred at a time, and the next ones are requested while these are used: any number of VMs
    takes the memory of a few hundred.
    """
    return _read(handler, uuids, _LISTED)


def read_complete_vms(handler: ZKHandler, uuids: Sequence[str]) -> Iterator[Vm]:
    """Yield VMs as :func:`read_vms` does, with their statistics and what changed since each snapshot."""
    return _read(handler, uuids, _COMPLETE)


def _read(handler: ZKHandler, uuids: Sequence[str], extent: _Extent) -> Iterator[Vm]:
    # Few at first, to have them soon.
    starts = (0, *range(_FIRST, len(uuids), _CHUNK))
    chunks = (uuids[start : start + (_CHUNK if start else _FIRST)] for start in starts)
    begun = ((chunk, handler.request_rows(chunk, extent.keys, (CONTAINER, "domain.snapshots"))) for chunk in chunks)
    looked_into = (_look_into(handler, chunk, wait(), extent) for chunk, wait in _ahead(begun))
    for chunk, rows, wait in _ahead(looked_into):
        details = iter(wait()[0])
        for uuid, (values, (tags, snapshots)) in zip(chunk, rows, strict=True):
            found = dict(zip(extent.keys, values, strict=True))
            xml = found["domain.xml"] or ""
            made = make_tags(tags or (), details), _make_snapshots(snapshots or (), details, xml, extent)
            if values[0] is not None:
                yield _vm(uuid, found, *made)


def _ahead(things: Iterator[_T]) -> Iterator[_T]:
    """Yield *things*, each once the next has been started."""
    waiting = deque(islice(things, 1))
    for thing in things:
        waiting.append(thing)
        yield waiting.popleft()
    yield from waiting


def _look_into(
    handler: ZKHandler, uuids: Sequence[str], rows: _Rows, extent: _Extent
) -> tuple[Sequence[str], _Rows, Callable[[], tuple[Values, Names]]]:
    """Request the details of each VM's tags and snapshots."""
    keys = (
        key
        for uuid, (_, (tags, snapshots)) in zip(uuids, rows, strict=True)
        for key in (*detail_keys(uuid, tags or ()), *_snapshot_keys(uuid, snapshots or (), extent))
    )
    return uuids, rows, handler.request(keys)


def _vm(uuid: str, values: dict[str, str | None], tags: tuple[Tag, ...], snapshots: tuple[VmSnapshot, ...]) -> Vm:
    xml = values["domain.xml"] or ""
    parsed, broken = None, ""
    try:
        parsed = hardware.parse(xml)
    except hardware.BrokenXmlError as error:
        broken = str(error)
    listen, _, port = (values["domain.console.vnc"] or "").rpartition(":")
    return Vm(
        uuid=uuid,
        name=values["domain.name"] or "",
        xml=xml,
        hardware=parsed,
        xml_error=broken,
        state=values["domain.state"] or "",
        node=values["domain.node"] or "",
        last_node=values["domain.last_node"] or "",
        failed_reason=values["domain.failed_reason"] or "",
        profile=values["domain.profile"] or "",
        vnc_listen=listen or None,
        vnc_port=parse_int(port),
        node_autostart=parse_bool(values["domain.meta.autostart"]),
        migration_method=values["domain.meta.migrate_method"] or "",
        migration_max_downtime=parse_int(values["domain.meta.migrate_max_downtime"]),
        node_selector=values["domain.meta.node_selector"] or "",
        node_limit=parse_list(values["domain.meta.node_limit"]),
        tags=tags,
        snapshots=snapshots,
        stats=parse_stats(values["domain.stats"]) if "domain.stats" in values else NO_STATS,
    )


def _snapshot_keys(uuid: str, names: Iterable[str], extent: _Extent) -> list[Key]:
    return [("domain.snapshots", uuid, key, name) for name in names for key in extent.snapshot_keys]


def _make_snapshots(
    names: Iterable[str], values: Iterator[str | None], xml: str, extent: _Extent
) -> tuple[VmSnapshot, ...]:
    """Return the snapshots of a VM with that *xml*, oldest first, from the values of their :func:`_snapshot_keys`."""
    snapshots = []
    for name in names:
        timestamp, volumes, *old = islice(values, len(extent.snapshot_keys))
        changes = changed_lines(old[0], xml) if old and old[0] is not None else None
        snapshots.append(VmSnapshot(name, parse_float(timestamp), parse_list(volumes), changes))
    return tuple(sorted(snapshots, key=lambda s: (s.timestamp or 0, natural_key(s.name))))
