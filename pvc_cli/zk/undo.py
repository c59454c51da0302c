"""What transactions changed, znode by znode, and the steps that undo it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pvc_cli.errors import RefusedError
from pvc_cli.zk.store import Op, Read, Store, Znode
from pvc_cli.zk.transaction import delete_noticing

UNKNOWN = (-1, -1)
"""The version and czxid of a change whose outcome is unknown: its value tells."""
_LONGEST_VALUE = 200
"""How much is kept of the value of a thing: that of a VM is its name."""


class ChangedSinceError(RefusedError):
    """A znode is no longer as a change left it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} was {what} since")
        self.path = path
        self.what = what


class Thing(NamedTuple):
    """A VM, a node or another thing, as it was when something of it was changed."""

    path: str
    value: bytes
    czxid: int = 0
    """The transaction that created it; 0 in a backup, where its value tells."""

    def is_still(self, now: Znode) -> bool:
        """Tell whether *now* is the same thing, and not a later one at the same path."""
        return now.stat.czxid == self.czxid if self.czxid else now.data[:_LONGEST_VALUE] == self.value


class Changed(NamedTuple):
    """A znode that was changed; *before* is None if it did not exist, *after* if it was deleted."""

    path: str
    before: bytes | None
    after: bytes | None
    version: int = 0
    """Its version afterwards; of a deleted one, when it was deleted."""
    czxid: int = 0
    """The transaction that created it: it tells a znode from a later one of the same path."""
    thing: Thing | None = None
    """What it is of, if that is known, and neither this znode nor created or deleted with it."""

    def then(self, later: "Changed") -> "Changed":
        """Return this change and a *later* one of the same znode as one."""
        return later._replace(before=self.before)


Settle = Callable[[list[Changed]], object]
"""Is told what was changed of what was intended: nothing, if it was refused; never, if the outcome is unknown."""
OnChange = Callable[[list[Changed]], Settle]
"""Is told what is about to be changed; returns what is to be told what became of it."""


def without_before(ops: Iterable[Op]) -> list[str]:
    """Return the paths that *ops* change without telling what was there."""
    first: dict[str, Op] = {}
    for op in ops:
        if op.kind != "check":
            first.setdefault(op.path, op)
    return [path for path, op in first.items() if op.kind != "create" and op.found is None]


def things_before(ops: Iterable[Op]) -> list[str]:
    """Return the paths of the VMs that *ops* change something of: all else has its name in its path.

    Those that they change themselves are left out.
    """
    kinds = {op.path: op.kind for op in ops if op.kind != "check"}
    tops = {path for path, kind in kinds.items() if kind != "set"}
    below = dict.fromkeys(top_of(path, tops) for path in kinds if path.startswith("/domains/"))
    return [path for path in below if path not in kinds]


def with_things(changes: Sequence[Changed], thing_at: Callable[[str], Thing | None]) -> list[Changed]:
    """Return *changes*, each with the thing that it is of, unless it is that itself, or goes with it."""
    tops = {change.path for change in changes if None in (change.before, change.after)}
    owners = [top_of(change.path, tops) for change in changes]
    found = {path: thing_at(path) for path in set(owners) - tops}
    return [
        change if change.path == owner else change._replace(thing=found.get(owner))
        for change, owner in zip(changes, owners, strict=True)
    ]


def thing_of(path: str, znode: Znode | None) -> Thing | None:
    """Return the thing that *znode* is, if it is there."""
    return znode and Thing(path, znode.data[:_LONGEST_VALUE], znode.stat.czxid)


def thing_in_backup(path: str, value: bytes | None) -> Thing | None:
    """Return the thing with *value* at *path* of a backup, if it is there."""
    return None if value is None else Thing(path, value[:_LONGEST_VALUE])


def changed_by(
    ops: Sequence[Op], results: Sequence[Any], before: Mapping[str, Znode | None], zxid: int
) -> list[Changed]:
    """Return what a transaction of *ops* changed.

    :param results: of each step; that of a set has its ``version`` and ``czxid``.
    :param before: what was at the paths of :func:`without_before`.
    :param zxid: the transaction's number.
    """
    changed: dict[str, Changed] = {}
    for op, result in zip(ops, results, strict=True):
        if op.kind == "check":
            continue
        found = op.found or before.get(op.path)
        old = found.data if found else None
        if op.kind == "create":
            now = Changed(op.path, None, op.data, 0, getattr(result, "czxid", zxid))
        elif op.kind == "set":
            now = Changed(op.path, old, op.data, getattr(result, "version", 0), getattr(result, "czxid", 0))
        else:
            now = Changed(op.path, old, None, *((found.version, found.stat.czxid) if found else ()))
        changed[op.path] = changed[op.path].then(now) if op.path in changed else now
    return [change for change in changed.values() if change.before != change.after]


def planned(store: Store, ops: Sequence[Op]) -> list[Changed]:
    """Return what *ops* would change; what they do not tell of the values before is read, in one batch."""
    paths = without_before(ops)
    return changed_by(ops, [None] * len(ops), read_written(store, paths) if paths else {}, 0)


def read_around(store: Store, changes: Sequence[Changed]) -> dict[str, Znode | None]:
    """Return the znodes of *changes* as they are now, and those that an undo judges besides, in one batch."""
    tops = {change.path for change in changes if None in (change.before, change.after)}
    around = [path for change in changes for path in (_parent(change.path), top_of(change.path, tops))]
    things = [change.thing.path for change in changes if change.thing]
    return read_written(store, list(dict.fromkeys([*(change.path for change in changes), *around, *things])))


def read_written(store: Store, paths: Sequence[str]) -> dict[str, Znode | None]:
    """Return the znodes at *paths*, which were written down, as they are now, in one batch."""
    found = store.read([Read(path) for path in paths])
    return {path: z if isinstance(z, Znode) else None for path, z in zip(paths, found, strict=True)}


def top_of(path: str, tops: Collection[str]) -> str:
    """Return the path of what is undone together with *path*: a VF, or another item of the second level.

    :param tops: what was created or deleted: what is below one of them goes with it.
    """
    names = path.split("/")
    depth = 6 if names[1:2] == ["nodes"] and names[3:4] == ["sriov"] else 3
    above = ("/".join(names[:at]) for at in range(2, depth))
    return next((top for top in above if top in tops), "/".join(names[:depth]))


def things_of(changes: Sequence[Changed]) -> set[str]:
    """Return the paths of the things that *changes* changed something of, as :func:`top_of` tells them apart."""
    tops = {change.path for change in changes if None in (change.before, change.after)}
    return {top_of(change.path, tops) for change in changes}


def undo_steps(changes: Sequence[Changed], now: Mapping[str, Znode | None]) -> list[Op]:
    """Return the steps that undo *changes*, none if all is as it was before.

    :param now: what is there now, by path: what :func:`read_around` returns.
    :raises ChangedSinceError: if one of them was changed again since, or what they are of was created again.
    """
    open_ = [change for change in changes if not is_as_before([change], now)]
    again = {change.path for change in open_ if change.after is None}
    tops = {change.path for change in changes if None in (change.before, change.after)}
    if open_ and (replaced := find_replaced(changes, now)):
        raise replaced
    for change in open_:
        _require_unchanged(change, now[change.path])
        if change.path in again and (parent := _parent(change.path)) not in again and now[parent] is None:
            raise ChangedSinceError(parent, "deleted")
    created = {c.path: znode for c in open_ if c.before is None and (znode := now[c.path])}
    steps = []
    for change in sorted(open_):
        znode = now[change.path]
        if change.after is None and change.before is not None:
            steps.append(Op("create", change.path, change.before))
        elif change.before is not None and znode:
            steps.append(Op("set", change.path, change.before, znode.version, znode))
    owners = {path: znode for at in again if (path := top_of(at, tops)) not in tops and (znode := now[path])}
    guards = [Op("check", path, version=znode.version, found=znode) for path, znode in sorted(owners.items())]
    return [*guards, *steps, *delete_noticing(created, set(created))]


def is_as_before(changes: Iterable[Changed], now: Mapping[str, Znode | None]) -> bool:
    """Tell whether all that *changes* changed has the value that it had before.

    :param now: what is there now, by path.
    """
    return all((None if (z := now[c.path]) is None else z.data) == c.before for c in changes)


def find_replaced(changes: Sequence[Changed], now: Mapping[str, Znode | None]) -> ChangedSinceError | None:
    """Return what tells that a thing of which something was changed is gone, or is another one at the same path.

    :param now: what is there now, by path: what :func:`read_around` returns.
    """
    tops = {change.path for change in changes if None in (change.before, change.after)}
    for change in changes:
        path = change.thing.path if change.thing else top_of(change.path, tops)
        if path == change.path or path in tops:
            continue
        if (znode := now[path]) is None:
            return ChangedSinceError(path, "deleted")
        if change.thing and not change.thing.is_still(znode):
            return ChangedSinceError(path, "created again" if change.thing.czxid else "changed")
        # Entries of old do not tell which thing it was; but it was older than what was in it.
        if not change.thing and 0 < change.czxid < znode.stat.czxid:
            return ChangedSinceError(path, "created again")
    return None


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _require_unchanged(change: Changed, now: Znode | None) -> None:
    if change.after is None:
        if now is not None:
            raise ChangedSinceError(change.path, "created again")
    elif now is None:
        raise ChangedSinceError(change.path, "deleted")
    # In a backup, which keeps no versions, only the value tells.
    elif (change.version, change.czxid) == UNKNOWN:
        if now.data != change.after:
            raise ChangedSinceError(change.path, "changed")
    elif (now.version, now.stat.czxid, now.data) != (change.version, change.czxid, change.after):
        raise ChangedSinceError(change.path, "changed")
