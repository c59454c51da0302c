"""Back up a whole cluster's tree in PVC's own format, and put it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pvc_cli.cluster.secrets import MASK, is_secret
from pvc_cli.errors import ConflictError, SchemaError, quoted
from pvc_cli.zk import Change, ZKHandler, ZKSchema
from pvc_cli.zk.migration.run import SchemaLock, chunks, ensure_version
from pvc_cli.zk.names import CONTENDER, NOT_PVCS
from pvc_cli.zk.schema import parse_version
from pvc_cli.zk.store import CommitConflictError, Op, Read, Znode
from pvc_cli.zk.tree import read_trees

_ATTEMPTS = 8

Tree = Mapping[str, bytes]


def read_backup(handler: ZKHandler, *, mask_secrets: bool = False) -> dict[str, bytes]:
    """Return every znode that is PVC's to keep, with its value, in one batch per level.

    ZooKeeper's own znodes, those of PVC's PostgreSQL manager, and what lives only as long as a session are left
    out: a restored lock contender would never go away again.

    :param mask_secrets: put a mask in place of the nodes' IPMI passwords.
    """
    tree = {path: znode.data for path, znode in _read_kept(handler).items()}
    return {path: MASK.encode() if mask_secrets and is_secret(path) else tree[path] for path in sorted(tree)}


def _is_kept(path: str, znode: Znode) -> bool:
    return not znode.stat.ephemeral_owner and not CONTENDER.fullmatch(path.rpartition("/")[2])


@dataclass(slots=True)
class Restoration:
    """What turns a cluster's tree into that of a backup: deletes first, then creates and sets, the version last."""

    deletes: list[Op] = field(default_factory=list)
    writes: list[Op] = field(default_factory=list)

    @property
    def ops(self) -> list[Op]:
        """All steps, in order."""
        return [*self.deletes, *self.writes]

    def changes(self) -> tuple[Change, ...]:
        """Return every change, as a dry run shows it."""
        return tuple(
            Change(op.kind, op.path, None if op.kind == "delete" else op.data.decode("utf-8", "replace"))
            for op in self.ops
            if op.kind != "check"
        )


def backup_version(tree: Tree) -> int:
    """Return the schema version of a backup.

    :raises SchemaError: if it holds none that makes sense, or one that this pvc does not know.
    """
    text = tree.get(ZKSchema.at(0).path("base.schema.version") or "", b"").decode("utf-8", "replace")
    version = parse_version(text)
    if version is None:
        raise SchemaError(f"the backup's schema version {quoted(text[:40])} is none: it cannot be restored")
    return ZKSchema.at(version).version


def plan_restoration(handler: ZKHandler, backup: Tree) -> Restoration:
    """Return what makes the cluster's tree equal to *backup*.

    Root znodes that are not PVC's, and are not in the backup, stay. A masked secret stays what it is.
    """
    now = _read_kept(handler)
    ours = {definition.path.split("/")[1] for _, definition in ZKSchema.at(0).keys_of("base")}
    ours |= {definition.path.split("/")[1] for _, definition in ZKSchema().keys_of("base")}
    plan = Restoration()
    for path in sorted(now, reverse=True):
        if path not in backup and path.split("/")[1] in ours:
            plan.deletes.append(Op("delete", path, version=now[path].version))
    version_path = ZKSchema.at(0).path("base.schema.version")
    for path in sorted(backup, key=lambda path: (path == version_path, path)):
        if path.split("/")[1] in NOT_PVCS:
            continue
        found = now.get(path)
        if found is None:
            plan.writes.append(Op("create", path, backup[path]))
        elif found.data != backup[path] and backup[path] != MASK.encode():
            plan.writes.append(Op("set", path, backup[path], found.version))
    return plan


def _read_kept(handler: ZKHandler) -> dict[str, Znode]:
    """Return every znode that a backup holds."""
    names = handler.children("base.root") or []
    (root,) = handler.store.fetch([Read("/")])
    tree = {"/": root} if isinstance(root, Znode) else {}
    for part in read_trees(handler.store, [f"/{name}" for name in names]):
        tree |= {path: znode for path, znode in part.items() if _is_kept(path, znode)}
    return tree


def restore(
    handler: ZKHandler,
    backup: Tree,
    *,
    on_wait: Callable[[str], None] | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    between_chunks: Callable[[], None] = lambda: None,
) -> Restoration:
    """Make the cluster's tree equal to *backup*, under the schema's lock, chunk by chunk.

    :returns: what was done, or first planned if it took several turns.
    :raises ConflictError: if others kept changing the same znodes; running it again goes on.
    """
    ensure_version(handler)
    first: Restoration | None = None
    with SchemaLock(handler, on_wait) as lock:
        for _ in range(_ATTEMPTS):
            plan = plan_restoration(handler, backup)
            first = first or plan
            done = 0
            try:
                for chunk in chunks(plan.ops):
                    between_chunks()
                    handler.store.commit([lock.fence, *chunk] if lock.fence else chunk)
                    done += len(chunk)
                    on_progress(done, len(plan.ops))
            except CommitConflictError:
                continue
            return first
    raise ConflictError("others keep changing what is to be restored: stop PVC's daemons, then run it again")
