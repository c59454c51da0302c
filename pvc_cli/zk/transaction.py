"""A transaction in terms of keys: gathers changes, skips what has no path, commits whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pvc_cli.zk.schema import Key, ZKSchema
from pvc_cli.zk.store import ANY_VERSION, Op, Store, Znode


@dataclass(frozen=True, slots=True)
class Change:
    """One change to the tree, as a dry run shows it."""

    action: Literal["create", "set", "move", "delete"]
    path: str
    value: str | None = None
    to: str | None = None


@dataclass(slots=True)
class Transaction:
    """Changes that are applied together or not at all.

    Nothing is sent before :meth:`commit`; until then :attr:`changes` tells what would be done. A step on a
    key that the schema version lacks is skipped.
    """

    store: Store
    schema: ZKSchema
    ops: list[Op] = field(default_factory=list)
    size: int = 0
    """How many bytes the request takes, rounded up."""

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
        """Apply the rest only if *key* exists and has this *version*."""
        self._add("check", key, version=version)

    def ensure(self, key: Key, found: Znode | None, value: str) -> bool:
        """Make *key* hold *value*, if that is not what was *found* there, and only if it still is as found.

        :returns: whether that takes a change.
        """
        if found is None:
            self.create(key, value)
        elif found.data != value.encode():
            self.set(key, value, found.version)
        else:
            return False
        return True

    def guard(self, key: Key, found: Znode | None) -> None:
        """Apply the rest only if *key* is as it was *found*; one that was missing is not guarded."""
        if found:
            self.check(key, found.version)

    def _add(
        self,
        kind: Literal["create", "set", "delete", "check"],
        key: Key,
        value: str = "",
        version: int = ANY_VERSION,
    ) -> None:
        path = self.schema.path(key)
        if path is not None:
            self.add(Op(kind, path, value.encode(), version))

    def delete_tree(self, tree: Mapping[str, Znode]) -> None:
        """Delete all znodes of *tree*, by path, only if each is as it was read."""
        for path in sorted(tree, reverse=True):
            self.add(Op("delete", path, version=tree[path].version))

    def add(self, op: Op) -> None:
        """Append a step on a path that the schema made."""
        self.ops.append(op)
        self.size += op.size

    @property
    def changes(self) -> tuple[Change, ...]:
        """What :meth:`commit` would change, in order."""
        return tuple(
            Change(op.kind, op.path, None if op.kind == "delete" else op.data.decode("utf-8", "replace"))
            for op in self.ops
            if op.kind != "check"
        )

    def commit(self) -> None:
        """Apply all changes, or none.

        :raises ConflictError: if the tree is not as the guards, the creations and the deletions want it.
        :raises OutcomeUnknownError: if the connection was lost and did not come back.
        :raises TooLargeError: if they do not fit into one request.
        """
        self.store.commit(self.ops)
