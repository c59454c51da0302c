"""Read VMs, in one batch per level: what a list shows of them, or all that their documents have."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from pvc_cli.cluster.values import natural_key, parse_flag, parse_float, parse_int, parse_list
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.changes import changed_lines
from pvc_cli.cluster.vms.model import Vm, VmSnapshot, VmSummary
from pvc_cli.cluster.vms.stats import parse_stats
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


_SUMMARY_KEYS = (
    "domain.name",
    "domain.xml",
    "domain.state",
    "domain.node",
    "domain.last_node",
    "domain.failed_reason",
    "domain.profile",
    "domain.meta.autostart",
    "domain.meta.node_limit",
)
_READ = (*DOCUMENT_KEYS, "domain.stats")
_READ_OF_SNAPSHOTS = (*SNAPSHOT_KEYS, "domain_snapshot.xml")
_FIRST, _CHUNK = 100, 500
_FAR_AHEAD = 6
"""How many chunks of what lists show are requested ahead: servers that are far away are waited for less often."""
_Rows = list[tuple[Values, Names]]


def read_summaries(handler: ZKHandler, uuids: Sequence[str]) -> Iterator[VmSummary]:
    """Yield what lists show of the VMs with these UUIDs, in order; one that is deleted meanwhile is left out.

    They are read a few hundred at a time, and the next ones are requested while these are used: any number of VMs
    takes the memory of a few thousand at most.
    """
    begun = ((chunk, handler.request_rows(chunk, _SUMMARY_KEYS, (CONTAINER,))) for chunk in _chunks(uuids))
    for chunk, wait in _ahead(begun, _FAR_AHEAD):
        for uuid, (values, (tags,)) in zip(chunk, wait(), strict=True):
            if values[0] is not None:
                yield _summary(uuid, values, tags or ())


def read_vms(handler: ZKHandler, uuids: Sequence[str]) -> Iterator[Vm]:
    """Yield all that documents have of the VMs with these UUIDs, in the way of :func:`read_summaries`."""
    begun = ((chunk, handler.request_rows(chunk, _READ, (CONTAINER, "domain.snapshots"))) for chunk in _chunks(uuids))
    looked_into = (_look_into(handler, chunk, wait()) for chunk, wait in _ahead(begun))
    for chunk, rows, wait in _ahead(looked_into):
        details = iter(wait()[0])
        for uuid, (values, (tags, snapshots)) in zip(chunk, rows, strict=True):
            tagged = make_tags(tags or (), details)
            taken = _make_snapshots(snapshots or (), details, values[1] or "")
            if values[0] is not None:
                yield _vm(uuid, values, tagged, taken)


def _chunks(uuids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut *uuids* into chunks, a small one first, to have it soon."""
    for start in (0, *range(_FIRST, len(uuids), _CHUNK)):
        yield uuids[start : start + (_CHUNK if start else _FIRST)]


def _ahead(things: Iterator[_T], number: int = 1) -> Iterator[_T]:
    """Yield *things*, each once the next *number* have been started."""
    waiting = deque(islice(things, number))
    for thing in things:
        waiting.append(thing)
        yield waiting.popleft()
    yield from waiting


def _look_into(
    handler: ZKHandler, uuids: Sequence[str], rows: _Rows
) -> tuple[Sequence[str], _Rows, Callable[[], tuple[Values, Names]]]:
    """Request the details of each VM's tags and snapshots."""
    keys = (
        key
        for uuid, (_, (tags, snapshots)) in zip(uuids, rows, strict=True)
        for key in (*detail_keys(uuid, tags or ()), *_snapshot_keys(uuid, snapshots or ()))
    )
    return uuids, rows, handler.request(keys)


def _parse(xml: str) -> tuple[hardware.Hardware | None, str]:
    """Return the hardware in a VM's XML, or why that is broken."""
    try:
        return hardware.parse(xml), ""
    except hardware.BrokenXmlError as error:
        return None, str(error)


def _summary(uuid: str, values: Values, tags: Iterable[str]) -> VmSummary:
    """Return what a list shows of a VM from the values of its :data:`_SUMMARY_KEYS`."""
    name, xml, state, node, last_node, failed_reason, profile, autostart, node_limit = values
    parsed, broken = _parse(xml or "")
    return VmSummary(
        uuid=uuid,
        name=name or "",
        hardware=parsed,
        xml_error=broken,
        state=state or "",
        node=node or "",
        last_node=last_node or "",
        failed_reason=failed_reason or "",
        profile=profile or "",
        node_autostart=parse_flag(autostart),
        node_limit=parse_list(node_limit),
        tags=tuple(sorted(tags, key=natural_key)),
    )


def _vm(uuid: str, values: Values, tags: tuple[Tag, ...], snapshots: tuple[VmSnapshot, ...]) -> Vm:
    """Return a VM from the values of its :data:`_READ`."""
    name, xml, state, node, last_node, failed_reason, profile, vnc, autostart, *more = values
    migration_method, max_downtime, node_selector, node_limit, stats = more
    parsed, broken = _parse(xml or "")
    listen, _, port = (vnc or "").rpartition(":")
    return Vm(
        uuid=uuid,
        name=name or "",
        xml=xml or "",
        hardware=parsed,
        xml_error=broken,
        state=state or "",
        node=node or "",
        last_node=last_node or "",
        failed_reason=failed_reason or "",
        profile=profile or "",
        vnc_listen=listen or None,
        vnc_port=parse_int(port),
        node_autostart=parse_flag(autostart),
        migration_method=migration_method or "",
        migration_max_downtime=parse_int(max_downtime),
        node_selector=node_selector or "",
        node_limit=parse_list(node_limit),
        tags=tags,
        snapshots=snapshots,
        stats=parse_stats(stats),
    )


def _snapshot_keys(uuid: str, names: Iterable[str]) -> list[Key]:
    return [("domain.snapshots", uuid, key, name) for name in names for key in _READ_OF_SNAPSHOTS]


def _make_snapshots(names: Iterable[str], values: Iterator[str | None], xml: str) -> tuple[VmSnapshot, ...]:
    """Return the snapshots of a VM with that *xml*, oldest first, from the values of their :func:`_snapshot_keys`."""
    snapshots = []
    for name in names:
        timestamp, volumes, old = islice(values, len(_READ_OF_SNAPSHOTS))
        changes = None if old is None else changed_lines(old, xml)
        snapshots.append(VmSnapshot(name, parse_float(timestamp), parse_list(volumes), changes))
    return tuple(sorted(snapshots, key=lambda s: (s.timestamp or 0, natural_key(s.name))))
