"""What became of a transaction: as the servers say, or as the tree shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)

from pvc_cli.errors import OutcomeUnknownError
from pvc_cli.zk.connection import failure
from pvc_cli.zk.store import ANY_VERSION, CommitConflictError, Op, ReadResult, Znode, access_denied

_WHY = {
    NoNodeError: "no longer exists",
    NodeExistsError: "already exists",
    BadVersionError: "was modified",
    NotEmptyError: "has new children",
}
DELETED = -1
"""The verdict on a deletion that was made, by whichever transaction."""


def verdict(op: Op, found: ReadResult, parent: ReadResult, last_seen: int) -> int | None:
    """Return the transaction that seems to have applied *op*: 0 if none did, None if it cannot be told."""
    stat = found.stat if isinstance(found, Znode) else None
    if op.kind == "delete":
        if stat is None:
            return DELETED
        return 0 if stat.czxid <= last_seen else None
    if stat is None:
        unchanged = op.kind == "create" and isinstance(parent, Znode) and parent.stat.pzxid <= last_seen
        return 0 if unchanged else None
    zxid = stat.czxid if op.kind == "create" else stat.mzxid
    if zxid <= last_seen:
        return 0
    expected = 0 if op.kind == "create" else op.version + 1
    is_ours = isinstance(found, Znode) and found.data == op.data and stat.mzxid == zxid
    return zxid if is_ours and (stat.version == expected or op.version == ANY_VERSION) else None


def unknown(why: str) -> OutcomeUnknownError:
    """Return the error for a transaction whose outcome is unknown."""
    return OutcomeUnknownError(
        f"lost the connection during a change, and its outcome is unknown {why}: check what was changed, or rerun the"
        " same command; changes already made are kept"
    )


def judge(ops: Sequence[Op], results: Iterable[Any]) -> None:
    """Raise for a transaction that was refused: kazoo returns the reason among the results."""
    for op, result in zip(ops, results, strict=True):
        if not isinstance(result, Exception) or isinstance(result, (RolledBackError, RuntimeInconsistency)):
            continue
        if isinstance(result, NoAuthError):
            raise access_denied(op.path)
        if why := _WHY.get(type(result)):
            why = "lost its parent" if op.kind == "create" and isinstance(result, NoNodeError) else why
            raise CommitConflictError(op, why)
        raise failure(result)
