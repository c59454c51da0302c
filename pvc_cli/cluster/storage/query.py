"""Read a cluster's storage, in one batch per level."""

from collections.abc import Sequence
from typing import NamedTuple

from pvc_cli.cluster.patterns import matcher
from pvc_cli.cluster.storage.model import CephReport, Osd, Pool, Snapshot, Volume
from pvc_cli.cluster.values import Json, natural_key, parse_bool, parse_int, parse_object, parse_text
from pvc_cli.errors import InvalidInputError, NotFoundError, hint, quoted
from pvc_cli.zk import ZKHandler

_SEE_POOLS = "see 'pvc storage pool list'"
_OSD_KEYS = ("osd.id", "osd.ofsid", "osd.node", "osd.device", "osd.is_split", "osd.db_device", "osd.stats")
_POOL_KEYS = ("pool.name", "pool.tier", "pool.pgs", "pool.stats")


def read_status(handler: ZKHandler) -> tuple[CephReport, Json | None]:
    """Return Ceph's status, and its health as Ceph's own document, None before schema version 9."""
    report, health = _report(handler, "status", "base.storage", "base.storage.health")
    return report, parse_object(health)


def read_utilization(handler: ZKHandler) -> CephReport:
    """Return how full Ceph is."""
    return _report(handler, "utilization", "base.storage.util")[0]


def _report(handler: ZKHandler, kind: str, *keys: str) -> tuple[CephReport, str | None]:
    primary, text, *more = handler.read_many(["base.config.primary_node", *keys])
    return CephReport(kind, primary or None, (text or "").rstrip() or None), more[0] if more else None


def list_osds(handler: ZKHandler, pattern: str | None = None) -> list[Osd]:
    """Return the OSDs, by ID, in two batches.

    :param pattern: a regular expression found anywhere in the ID.
    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    names = _children(handler, "base.osd", pattern)
    rows = handler.read_rows([(key, name) for key in _OSD_KEYS] for name in names)
    return [
        Osd(
            id=name,
            fsid=parse_text(fsid),
            node=parse_text(node),
            device=parse_text(device),
            is_split=parse_bool(is_split),
            db_device=parse_text(db_device),
            stats=parse_object(stats),
        )
        for name, (own, fsid, node, device, is_split, db_device, stats) in zip(names, rows, strict=True)
        if own is not None
    ]


def list_pools(handler: ZKHandler, pattern: str | None = None) -> list[Pool]:
    """Return the pools, by name, in two batches.

    :param pattern: a regular expression found anywhere in the name.
    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    names = _children(handler, "base.pool", pattern)
    keys = [(key, name) for name in names for key in _POOL_KEYS]
    found, volumes = handler.request(keys, [("volume", name) for name in names])()
    values = iter(found)
    rows = [(name, next(values), next(values), next(values), next(values)) for name in names]
    return [
        Pool(name, len(inside or ()), parse_text(tier), parse_int(pgs), parse_object(stats))
        for (name, own, tier, pgs, stats), inside in zip(rows, volumes, strict=True)
        if own is not None
    ]


class Place(NamedTuple):
    """Where to look, and for which names; None is everywhere, and all."""

    pool: str | None
    volume: str | None
    pattern: str | None


def find_place(handler: ZKHandler, words: Sequence[str], pool: str | None = None, *, volumes: bool = False) -> Place:
    """Tell POOL, VOLUME and PATTERN in *words* apart, all optional and in this order.

    A last word that does not name a pool, or a volume of that pool, is a pattern.

    :param pool: the pool, if *words* lack it.
    :param volumes: whether there may be a VOLUME.
    :raises NotFoundError: if there is no such pool.
    :raises InvalidInputError: if there are too many words.
    """
    expected = [*(["POOL"] if pool is None else []), *(["VOLUME"] if volumes else []), "PATTERN"]
    rest = list(words)
    if len(rest) > len(expected):
        raise InvalidInputError(f"too many arguments: expected at most {' '.join(expected)}")
    if pool is None:
        pool = _take(rest, handler.children("base.pool") or [])
    volume = None
    if volumes and pool is not None:
        require_pool(handler, pool)
        volume = _take(rest, handler.children(("volume", pool)) or [])
    return Place(pool, volume, rest[0] if rest else None)


def _take(words: list[str], known: Sequence[str]) -> str | None:
    return words.pop(0) if words and (len(words) > 1 or words[0] in known) else None


def require_pool(handler: ZKHandler, pool: str) -> None:
    """Check that the cluster has a pool called *pool*.

    :raises NotFoundError: if it lacks it.
    """
    known = handler.children("base.pool") or []
    if pool not in known:
        raise NotFoundError(f"there is no pool {quoted(pool)}: {hint(pool, known, _SEE_POOLS)}")


def list_volumes(handler: ZKHandler, pool: str | None = None, pattern: str | None = None) -> list[Volume]:
    """Return the volumes of one pool or of all, by pool and name, in one batch per level.

    :param pattern: a regular expression found anywhere in the volume's name.
    :raises NotFoundError: if there is no such pool.
    :raises InvalidInputError: if *pattern* is not a regular expression.
    """
    matches = matcher(pattern)
    inside = _below(handler, "volume", _pools(handler, "base.volume", pool))
    found = [(at, name) for at, name in inside if matches(name)]
    stats = handler.read_many(("volume.stats", f"{at}/{name}") for at, name in found)
    return [Volume(name, at, parse_object(text)) for (at, name), text in zip(found, stats, strict=True)]


def list_snapshots(
    handler: ZKHandler, pool: str | None = None, volume: str | None = None, pattern: str | None = None
) -> list[Snapshot]:
    """Return the snapshots of one volume, one pool or all, by pool, volume and name, in one batch per level.

    :param volume: a volume of *pool*.
    :param pattern: a regular expression found anywhere in the snapshot's name.
    :raises NotFoundError: if there is no such pool or volume.
    :raises InvalidInputError: if *pattern* is not a regular expression, or if a volume is given without its pool.
    """
    matches = matcher(pattern)
    pools = _pools(handler, "base.snapshot", pool)
    if volume is None:
        volumes = _below(handler, "snapshot", pools)
    elif pool is None:
        raise InvalidInputError(f"cannot find volume {quoted(volume)} without its pool")
    else:
        _require_volume(handler, pool, volume)
        volumes = [(pool, volume)]
    children = handler.children_many(("snapshot", f"{at}/{of}") for at, of in volumes)
    found = [
        (at, of, name)
        for (at, of), names in zip(volumes, children, strict=True)
        for name in sorted(names or (), key=natural_key)
        if matches(name)
    ]
    stats = handler.read_many(("snapshot.stats", "/".join(names)) for names in found)
    return [Snapshot(*names, parse_object(text)) for names, text in zip(found, stats, strict=True)]


def _require_volume(handler: ZKHandler, pool: str, volume: str) -> None:
    known = handler.children(("volume", pool)) or []
    if volume not in known:
        see = f"see 'pvc storage volume list {pool}'"
        raise NotFoundError(f"pool {pool} has no volume {quoted(volume)}: {hint(volume, known, see)}")


def _pools(handler: ZKHandler, key: str, pool: str | None) -> list[str]:
    """Return the names of the pools below *key*, or of the one that is wanted."""
    if pool is None:
        return _children(handler, key)
    require_pool(handler, pool)
    return [pool]


def _children(handler: ZKHandler, key: str, pattern: str | None = None) -> list[str]:
    matches = matcher(pattern)
    return sorted(filter(matches, handler.children(key) or []), key=natural_key)


def _below(handler: ZKHandler, group: str, pools: Sequence[str]) -> list[tuple[str, str]]:
    """Return pool and name of each volume below *pools*, in order, in one batch."""
    found = handler.children_many((group, pool) for pool in pools)
    inside = zip(pools, found, strict=True)
    return [(pool, name) for pool, names in inside for name in sorted(names or (), key=natural_key)]
