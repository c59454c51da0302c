"""Who holds a lock, and who waits for it: the places in the queue that kazoo's recipes create below its znode."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from pvc_cli.errors import printable
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.store import Read, Store, Znode


class Contender(NamedTuple):
    """A place in the queue for a lock."""

    name: str
    """That of its znode."""
    who: str
    """Who it is, as far as it says; empty if it does not."""
    since: float
    """When it came, in seconds since 1970, by the clock of the servers."""
    shared: bool
    """Whether it shares the lock with others like it: a reader."""
    holds: bool | None
    """Whether it holds the lock. None is unknown: behind readers only, an exclusive lock holds and a writer waits."""
    stuck: bool
    """Whether it belongs to no session, and so will never go."""
    session: str | None
    """The session that it belongs to, in hexadecimal."""


def read_queues(store: Store, paths: Sequence[str | None]) -> list[list[Contender]]:
    """Return the queue for the lock at each of *paths*, in two batches; empty where there is no path or znode."""
    found = iter(store.read([Read(path, children=True) for path in paths if path is not None]))
    queues = [[] if path is None else _contenders(next(found)) for path in paths]
    places = [Read(f"{path}/{name}") for path, names in zip(paths, queues, strict=True) for name in names]
    znodes = iter(store.read(places))
    return [_queue([(name, next(znodes)) for name in names]) for names in queues]


def _contenders(names: object) -> list[str]:
    """Return the contenders among *names*, in the order in which they came."""
    return sorted(filter(is_contender, names if isinstance(names, list) else []), key=lambda name: name[-10:])


def _queue(places: Sequence[tuple[str, object]]) -> list[Contender]:
    queue: list[Contender] = []
    for name, znode in places:
        if not isinstance(znode, Znode):
            continue  # released meanwhile
        stat, shared = znode.stat, "__rlock__" in name
        ahead = {other.shared for other in queue}
        holds = not ahead or (False if False in ahead else True if shared else None)
        queue.append(
            Contender(
                name=name,
                who=who(znode.text),
                since=stat.ctime / 1000,
                shared=shared,
                holds=holds,
                stuck=not stat.ephemeral_owner,
                session=f"{stat.ephemeral_owner % 2**64:#x}" if stat.ephemeral_owner else None,
            )
        )
    return queue


def who(text: str) -> str:
    """Return who a contender is. PVC's processes say only a UUID, which has their host's address."""
    try:
        number = uuid.UUID(text)
    except ValueError:
        return printable(text)
    # A host without a card makes an address up, which is marked as a multicast one.
    if number.version != 1 or number.node >> 40 & 1:
        return f"a PVC process ({number})"
    return f"a PVC process on the host with MAC address {number.node.to_bytes(6, 'big').hex(':')}"
