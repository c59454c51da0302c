"""A transaction by keys: collects changes, skips what has no path, commits all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from pvc_cli.errors import InvalidKeyError, LockError, NotFoundError, PvcError
from pvc_cli.zk.base import schema_changed
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.reads import is_stuck, outermost, read_trees
from pvc_cli.zk.schema import Key, ZKSchema
from pvc_cli.zk.secrets import mask
from pvc_cli.zk.store import ANY_VERSION, CommitConflictError, Lock, Op, Read, Store, Znode


class Change(NamedTuple):
    """One change to the tree, as a dry run shows it."""

    action: Literal["create", "set", "move", "delete"]
    path: str
    value: str | None = None
    to: str | None = None

    def masked(self) -> Change:
        """Return the change with a mask in place of a secret that is not empty."""
        if not self.value:
            return self
        return self._replace(value=mask(self.path, self.value.encode("utf-8", "replace")).decode())


def changes_of(ops: Iterable[Op]) -> tuple[Change, ...]:
    """Return what *ops* would change, in order."""
    return tuple(stream_changes(ops))


def stream_changes(ops: Iterable[Op]) -> Iterator[Change]:
    """Yield what *ops* would change, in order."""
    for op in ops:
        if op.kind != "check" and not (op.kind == "set" and op.found and op.data == op.found.data):
            yield Change(op.kind, op.path, None if op.kind == "delete" else op.data.decode("utf-8", "replace"))


class Lookout(Protocol):
    """Looks, once transactions are committed, at what no guard of theirs could tell."""

    def look(self, committed: Sequence[Transaction]) -> Sequence[PvcError | None]:
        """Return what is wrong with each of *committed*: taken back if that is possible, else reported.

        It raises nothing: a look that fails is what is wrong with each, and others are still told.
        """
        ...


@dataclass(slots=True)
class Transaction:
    """Changes that are applied together or not at all.

    Nothing is sent before :meth:`commit`; until then :attr:`changes` tells what would be done. A step on a
    key that the schema version lacks is skipped.
    """

    store: Store
    schema: ZKSchema
    ops: list[Op] = field(default_factory=list)
    guards: Sequence[Op] = ()
    """Steps that refuse it if the schema version, and with it the paths of its keys, has changed."""
    lookout: Lookout | None = None

    def create(self, key: Key, value: str = "") -> None:
        """Create *key*, which must not exist, below a znode that does (or that comes earlier in here)."""
        self._add("create", key, value)

    def set(self, key: Key, value: str, version: int = ANY_VERSION) -> None:
        """Set the existing *key* to *value*, only if it has this *version*."""
        self._add("set", key, value, version)

    def delete(self, key: Key, version: int = ANY_VERSION) -> None:
        """Delete the childless *key*, only if it has this *version*."""
        self._add("delete", key, version=version)

    def check(self, key: Key, version: int = ANY_VERSION) -> None:
        """Guard the transaction: *key* must exist with this *version*."""
        self._add("check", key, version=version)

    def ensure(self, key: Key, found: Znode | None, value: str) -> bool:
        """Set *key* to *value* if *found* differs, guarded by *found*.

        :returns: whether that takes a change.
        """
        if found is None:
            self.create(key, value)
        elif found.data != value.encode():
            self._add("set", key, value, found.version, found)
        else:
            return False
        return True

    def guard(self, key: Key, found: Znode | None) -> None:
        """Guard the transaction with *key* as *found*; a missing one is not guarded."""
        if found:
            self._add("check", key, version=found.version, found=found)

    def touch(self, key: Key, found: Znode | None) -> None:
        """Write to *key* the value that it has: of several clients that found it so, one succeeds.

        A missing one is created, empty.
        """
        path = self.schema.path(key)
        if found and path is not None:
            self.add(Op("set", path, found.data, found.version, found))
        elif not found:
            self.create(key)

    def inverse(self) -> Transaction:
        """Return what takes back this transaction's changes once it is committed, unless others changed them."""
        back = Transaction(self.store, self.schema, guards=self.guards)
        for op in reversed(self.ops):
            if op.kind == "create":
                back.add(Op("delete", op.path, version=0))
            elif op.kind == "set" and op.found:
                back.add(Op("set", op.path, op.found.data, op.found.version + 1))
        return back

    def fence(self, lock: Lock) -> None:
        """Guard the transaction: it is refused once *lock*, which must be held, is lost."""
        if lock.fence:
            self.add(lock.fence)

    def _add(
        self,
        kind: Literal["create", "set", "delete", "check"],
        key: Key,
        value: str = "",
        version: int = ANY_VERSION,
        found: Znode | None = None,
    ) -> None:
        path = self.schema.path(key)
        if path is not None:
            self.add(Op(kind, path, value.encode(), version, found))

    def delete_tree(self, tree: Mapping[str, Znode]) -> None:
        """Delete all znodes of *tree*, each guarded by its version."""
        for path in sorted(tree, reverse=True):
            self.add(Op("delete", path, version=tree[path].version, found=tree[path]))

    def delete_item(self, tree: Mapping[str, Znode]) -> None:
        """Delete all znodes of *tree*; notice if its top was deleted and created again since it was read."""
        self.ops += delete_noticing(tree, {min(tree)})

    def add(self, op: Op) -> None:
        """Append a step on a path that the schema made."""
        self.ops.append(op)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What :meth:`commit` would change, in order."""
        return changes_of(self.ops)

    def commit(self) -> None:
        """Apply all changes, or none; then have its lookout look.

        :raises ConflictError: if the tree is not as the guards, the creations and the deletions want it.
        :raises OutcomeUnknownError: if the connection was lost and did not come back.
        :raises TooLargeError: if they do not fit into one request.
        """
        try:
            self.store.commit([*self.guards, *self.ops] if self.ops else [])
        except CommitConflictError as error:
            if error.op in self.guards:
                raise schema_changed() from None
            raise
        for wrong in filter(None, look_after([self])):
            raise wrong


def look_after(committed: Sequence[Transaction]) -> list[PvcError | None]:
    """Return what the lookouts of *committed* find wrong with each; one that several have looks once."""
    found: list[PvcError | None] = [None] * len(committed)
    for lookout in dict.fromkeys(one.lookout for one in committed):
        if lookout:
            at = [index for index, one in enumerate(committed) if one.lookout is lookout]
            for index, wrong in zip(at, lookout.look([committed[index] for index in at]), strict=True):
                found[index] = wrong
    return found


def delete_noticing(tree: Mapping[str, Znode], watched: Collection[str]) -> Iterator[Op]:
    """Yield the steps that delete all znodes of *tree*; they notice if one *watched* was deleted and created again.

    A deletion does not tell what it deleted, but setting a value does: first, each watched one gets its own value.
    """
    for path in sorted(watched):
        yield Op("set", path, tree[path].data, tree[path].version, tree[path])
    for path in sorted(tree, reverse=True):
        yield Op("delete", path, version=tree[path].version + (path in watched), found=tree[path])


def refuse_contenders(tree: Mapping[str, Znode]) -> None:
    """Check that nobody queues for a lock in *tree*: what others hold is never deleted, moved or copied.

    :raises LockError: if somebody does.
    """
    for path in filter(is_contender, tree):
        if is_stuck(path, tree[path]):
            raise LockError(f"stuck lock contender {path}: remove it with 'pvc schema apply --prune'")
        raise LockError(f"cannot delete {path}: another client holds or awaits that lock; retry")


def plan_write(transaction: Transaction, pairs: Sequence[tuple[Key, str]]) -> Transaction:
    """Add to *transaction* what gives every key its value, from the tree as it is; see ``ZKHandler.write``."""
    paths = ((transaction.schema.path(key), value) for key, value in pairs)
    wanted = {path: value.encode() for path, value in paths if path is not None}
    parents = {path: path.rpartition("/")[0] or "/" for path in wanted}
    known = list(dict.fromkeys((*wanted, *parents.values())))
    found = zip(known, transaction.store.read([Read(path) for path in known]), strict=True)
    there = {path for path, znode in found if znode is not None}
    for path, data in wanted.items():
        if parents[path] not in there:
            raise NotFoundError(f"cannot write {path}: {parents[path]} does not exist")
        transaction.add(Op("set" if path in there else "create", path, data))
        there.add(path)
    return transaction


def plan_delete(transaction: Transaction, keys: Sequence[Key]) -> Transaction:
    """Add to *transaction* what deletes every key with all that is below it; see ``ZKHandler.delete``."""
    paths = [path for path in map(transaction.schema.path, keys) if path is not None]
    if "/" in paths:
        raise InvalidKeyError("cannot delete the root of the tree: name a key below it")
    for tree in read_trees(transaction.store, outermost(paths)):
        refuse_contenders(tree)
        transaction.delete_tree(tree)
    return transaction


def plan_rename(transaction: Transaction, pairs: Sequence[tuple[Key, Key]]) -> Transaction:
    """Add to *transaction* what moves every first key, with all below it, to its second; see ``ZKHandler.rename``."""
    path = transaction.schema.path
    resolved = [(path(source), path(target)) for source, target in pairs]
    moves = [(source, target) for source, target in resolved if source and target and source != target]
    for source, target in moves:
        if source == "/" or f"{target}/".startswith(f"{source}/"):
            raise InvalidKeyError(f"cannot move {source} to {target}, which is below it")
    trees = read_trees(transaction.store, [source for source, _ in moves])
    for (source, target), tree in zip(moves, trees, strict=True):
        if not tree:
            raise NotFoundError(f"cannot move {source}: it does not exist")
        refuse_contenders(tree)
        for at in sorted(tree):
            transaction.add(Op("create", target + at[len(source) :], tree[at].data))
        transaction.ops += delete_noticing(tree, tree.keys())
    return transaction
