"""Read the tags of VMs. PVC has them since schema version 3."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pvc_cli.cluster.values import natural_key, parse_bool
from pvc_cli.zk import Key, ZKHandler

CONTAINER = "domain.meta.tags"
"""The key whose children are a VM's tags."""
SEE_TAGS = "see 'pvc vm tag list'"


class Tag(NamedTuple):
    """A tag on a VM; *type* is ``user`` or ``system``."""

    name: str
    type: str
    protected: bool


def read_tags(handler: ZKHandler, uuids: Iterable[str]) -> dict[str, tuple[Tag, ...]]:
    """Return each VM's tags by UUID, sorted by name, in two batches; VMs without tags are left out."""
    uuids = list(uuids)
    names = handler.children_many((CONTAINER, uuid) for uuid in uuids)
    named = [(uuid, found) for uuid, found in zip(uuids, names, strict=True) if found]
    values = iter(handler.read_many(key for uuid, found in named for key in detail_keys(uuid, found)))
    return {uuid: make_tags(found, values) for uuid, found in named}


def tag_names(handler: ZKHandler, uuids: Iterable[str]) -> list[str]:
    """Return the names of all tags of VMs, sorted."""
    found = handler.children_many((CONTAINER, uuid) for uuid in uuids)
    return sorted({name for names in found for name in names or ()})


def detail_keys(uuid: str, names: Iterable[str]) -> list[Key]:
    """Return the keys of the tags called *names*, whose values :func:`make_tags` takes."""
    return [(CONTAINER, uuid, key, name) for name in names for key in ("tag.type", "tag.protected")]


def make_tags(names: Iterable[str], values: Iterator[str | None]) -> tuple[Tag, ...]:
    """Return a VM's tags, sorted by name, from the values of their :func:`detail_keys`."""
    tags = [Tag(name, next(values) or "user", bool(parse_bool(next(values)))) for name in names]
    return tuple(sorted(tags, key=lambda tag: natural_key(tag.name)) if len(tags) > 1 else tags)


class TagCount(NamedTuple):
    """A tag of the cluster and how many VMs have it; per type."""

    name: str
    type: str
    vms: int


def count_tags(handler: ZKHandler) -> list[TagCount]:
    """Return every tag in the cluster, by name."""
    counts = Counter(
        (tag.name, tag.type)
        for tags in read_tags(handler, handler.children("base.domain") or []).values()
        for tag in tags
    )
    tags = [TagCount(name, kind, vms) for (name, kind), vms in counts.items()]
    return sorted(tags, key=lambda tag: (natural_key(tag.name), tag.type))
