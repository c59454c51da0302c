"""Read VMs completely, in one batch per level."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from pvc_cli.cluster.values import natural_key, parse_bool, parse_float, parse_int, parse_list
from pvc_cli.cluster.vms import hardware
from pvc_cli.cluster.vms.model import Vm, VmSnapshot
from pvc_cli.cluster.vms.tags import CONTAINER, Tag, detail_keys, make_tags
from pvc_cli.zk import Key, ZKHandler
from pvc_cli.zk.reads import Names, Values

_T = TypeVar("_T")
_KEYS = (
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
_FIRST, _CHUNK = 100, 500
_Rows = list[tuple[Values, Names]]


def read_vms(handler: ZKHandler, uuids: Sequence[str]) -> Iterator[Vm]:
    """Yield the VMs with these UUIDs, in order; one that is deleted meanwhile is left out.

    They are read a few hundred at a time, and the next ones are requested while these are used: any number of VMs
    takes the memory of a few hundred.
    """
    # Few at first, to have them soon.
    starts = (0, *range(_FIRST, len(uuids), _CHUNK))
    chunks = (uuids[start : start + (_CHUNK if start else _FIRST)] for start in starts)
    begun = ((chunk, handler.request_rows(chunk, _KEYS, (CONTAINER, "domain.snapshots"))) for chunk in chunks)
    looked_into = (_look_into(handler, chunk, wait()) for chunk, wait in _ahead(begun))
    for chunk, rows, wait in _ahead(looked_into):
        details = iter(wait()[0])
        for uuid, (values, (tags, snapshots)) in zip(chunk, rows, strict=True):
            made = make_tags(tags or (), details), _make_snapshots(snapshots or (), details)
            if values[0] is not None:
                yield _vm(uuid, dict(zip(_KEYS, values, strict=True)), *made)


def _ahead(things: Iterator[_T]) -> Iterator[_T]:
    """Yield *things*, each once the next has been started."""
    waiting = deque(islice(things, 1))
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
    )


def _snapshot_keys(uuid: str, names: Iterable[str]) -> list[Key]:
    keys = ("domain_snapshot.timestamp", "domain_snapshot.rbd_snapshots")
    return [("domain.snapshots", uuid, key, name) for name in names for key in keys]


def _make_snapshots(names: Iterable[str], values: Iterator[str | None]) -> tuple[VmSnapshot, ...]:
    """Return a VM's snapshots, oldest first, from the values of their :func:`_snapshot_keys`."""
    snapshots = [VmSnapshot(name, parse_float(next(values)), parse_list(next(values))) for name in names]
    return tuple(sorted(snapshots, key=lambda s: (s.timestamp or 0, natural_key(s.name))))
