"""What transactions changed, znode by znode, and the steps that undo it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pvc_cli.errors import RefusedError
from pvc_cli.zk.store import Op, Read, Store, Znode
from pvc_cli.zk.transaction import delete_noticing

UNKNOWN = (-1, -1)
"""The version and czxid of a change whose outcome is unknown: its value tells."""


class ChangedSinceError(RefusedError):
    """A znode is no longer as a change left it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} was {what} since")
        self.path = path
        self.what = what


class Changed(NamedTuple):
    """A znode that was changed; *before* is None if it did not exist, *after* if it was deleted."""

    path: str
    before: bytes | None
    after: bytes | None
    version: int = 0
    """Its version afterwards; of a deleted one, when it was deleted."""
    czxid: int = 0
    """The transaction that created it: it tells a znode from a later one of the same path."""

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


def changed_by(
    ops: Sequence[Op], results: Sequence[Any], before: Mapping[str, bytes | None], zxid: int
) -> list[Changed]:
    """Return what a transaction of *ops* changed.

    :param results: of each step; that of a set has its ``version`` and ``czxid``.
    :param before: the values of :func:`without_before`.
    :param zxid: the transaction's number.
    """
    changed: dict[str, Changed] = {}
    for op, result in zip(ops, results, strict=True):
        if op.kind == "check":
            continue
        old = before.get(op.path) if op.found is None else op.found.data
        if op.kind == "create":
            now = Changed(op.path, None, op.data, 0, getattr(result, "czxid", zxid))
        elif op.kind == "set":
            now = Changed(op.path, old, op.data, getattr(result, "version", 0), getattr(result, "czxid", 0))
        else:
            now = Changed(op.path, old, None, *((op.found.version, op.found.stat.czxid) if op.found else ()))
        changed[op.path] = changed[op.path].then(now) if op.path in changed else now
    return [change for change in changed.values() if change.before != change.after]


def planned(store: Store, ops: Sequence[Op]) -> list[Changed]:
    """Return what *ops* would change; what they do not tell of the values before is read, in one batch."""
    paths = without_before(ops)
    found = dict(zip(paths, store.read([Read(path) for path in paths]), strict=True)) if paths else {}
    before = {path: znode.data if isinstance(znode, Znode) else None for path, znode in found.items()}
    return changed_by(ops, [None] * len(ops), before, 0)


def read_paths(store: Store, changes: Sequence[Changed]) -> dict[str, Znode | None]:
    """Return the znodes of *changes* as they are now, in one batch."""
    return read_written(store, [change.path for change in changes])


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

    :param now: what is there now, by path.
    :raises ChangedSinceError: if one of them was changed again since.
    """
    open_ = [change for change in changes if not is_as_before([change], now)]
    for change in open_:
        _require_unchanged(change, now[change.path])
    created = {c.path: znode for c in open_ if c.before is None and (znode := now[c.path])}
    steps = []
    for change in sorted(open_):
        znode = now[change.path]
        if change.after is None and change.before is not None:
            steps.append(Op("create", change.path, change.before))
        elif change.before is not None and znode:
            steps.append(Op("set", change.path, change.before, znode.version, znode))
    return [*steps, *delete_noticing(created, set(created))]


def is_as_before(changes: Iterable[Changed], now: Mapping[str, Znode | None]) -> bool:
    """Tell whether all that *changes* changed has the value that it had before.

    :param now: what is there now, by path.
    """
    return all((None if (z := now[c.path]) is None else z.data) == c.before for c in changes)


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
