"""Read, change, watch and lock the tree of one PVC cluster by the keys of its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar, cast

from pvc_cli.errors import LockError, RefusedError
from pvc_cli.zk.execute import Failure, PlanT, StepT, execute, execute_steps, retry
from pvc_cli.zk.opened import OpenTree
from pvc_cli.zk.reads import Names, Values, read_trees, request, request_rows
from pvc_cli.zk.schema import Key
from pvc_cli.zk.store import Lock, LockKind, OnWait, Op, Read, Znode
from pvc_cli.zk.transaction import Transaction, plan_delete, plan_rename, plan_write

if TYPE_CHECKING:
    from pvc_cli.zk.contenders import Contender
    from pvc_cli.zk.watch import Watcher

_Item = TypeVar("_Item")


class ZKHandler(OpenTree):
    """Reads and changes a PVC tree by schema keys. Safe to use from several threads.

    A key that the cluster's schema version lacks has no path: it reads as None, does not exist, and is skipped
    by every change. Use it as a context manager, or call :meth:`connect` and :meth:`disconnect`::

        with ZKHandler("hv1:2181,hv2:2181,hv3:2181") as zk:
            zk.read(("domain.state", uuid))

    Its parameters are those of :class:`pvc_cli.zk.opened.OpenTree`.
    """

    # Reading

    def read(self, key: Key) -> str | None:
        """Return the value of *key*, or None if there is none."""
        return self.read_many([key])[0]

    def read_many(self, keys: Iterable[Key]) -> list[str | None]:
        """Return the value of each of *keys*, None where there is none, in one batch."""
        return self.request(keys)()[0]

    def read_each(self, name: str, items: Sequence[str]) -> list[str | None]:
        """Return the value of the key *name* of each of *items*, None where there is none, in one batch."""
        return request(self.store, self.schema.paths_of_each(items, [name]), [])()[0]

    def read_rows(self, rows: Iterable[Sequence[Key]]) -> list[list[str | None]]:
        """Return the values of each row of keys, all in one batch."""
        rows = list(rows)
        values = iter(self.read_many(key for row in rows for key in row))
        return [list(islice(values, len(row))) for row in rows]

    def get_znodes(self, keys: Iterable[Key]) -> list[Znode | None]:
        """Return the znode of each of *keys* with its version, None where there is none, in one batch."""
        paths = self.schema.paths(keys)
        found = iter(self.store.read([Read(path) for path in paths if path is not None]))
        return [None if path is None else cast("Znode | None", next(found)) for path in paths]

    def exists(self, key: Key) -> bool:
        """Tell whether *key* exists."""
        return self.exists_many([key])[0]

    def exists_many(self, keys: Iterable[Key]) -> list[bool]:
        """Tell of each of *keys* whether it exists, in one batch."""
        return [znode is not None for znode in self.get_znodes(keys)]

    def children(self, key: Key) -> list[str] | None:
        """Return the names of the children of *key*, sorted, or None if *key* does not exist."""
        return self.children_many([key])[0]

    def children_many(self, keys: Iterable[Key]) -> list[list[str] | None]:
        """Return the sorted names of the children of each of *keys*, None where it does not exist, in one batch."""
        return self.request(children=keys)()[1]

    def request(self, values: Iterable[Key] = (), children: Iterable[Key] = ()) -> Callable[[], tuple[Values, Names]]:
        """Request the values of some keys and the children of others, in one batch; return what waits for both.

        That allows to use what was read before while the servers work.
        """
        return request(self.store, self.schema.paths(values), self.schema.paths(children))

    def request_rows(
        self, items: Sequence[str], values: Sequence[str], children: Sequence[str] = ()
    ) -> Callable[[], list[tuple[Values, Names]]]:
        """Request the same keys of many items, and return what waits for them: the fastest way to read a list.

        :returns: for each item, the values of its keys *values* and the children of its keys *children*.
        """
        paths = self.schema.paths_of_each(items, [*values, *children])
        return request_rows(self.store, paths, len(values), len(children))

    def read_trees(self, keys: Iterable[Key]) -> list[dict[str, Znode]]:
        """Return, for each of *keys*, every znode from it down by path, in one batch per level."""
        paths = self.schema.paths(keys)
        found = iter(read_trees(self.store, [path for path in paths if path is not None]))
        return [{} if path is None else next(found) for path in paths]

    def read_queues(self, keys: Iterable[Key]) -> list[list[Contender]]:
        """Return who holds, or waits for, the lock on each of *keys*, first come first, in two batches."""
        from pvc_cli.zk.contenders import read_queues

        return read_queues(self.store, self.schema.paths(keys))

    # Changing

    def transaction(self) -> Transaction:
        """Return an empty transaction: gather changes in it, look at them, commit them."""
        return Transaction(self.store, self.schema, guards=self._guards())

    def write(self, pairs: Iterable[tuple[Key, str]]) -> None:
        """Create or update every key with its value, in one transaction.

        A new znode's parent must exist, or come earlier in *pairs*: a value for an item that is gone must not
        bring back half of it.

        :raises NotFoundError: if a parent is missing.
        :raises ConflictError: if others kept changing the same znodes.
        """
        wanted = list(pairs)
        self.retrying(lambda: plan_write(self.transaction(), wanted))

    def delete(self, keys: Iterable[Key]) -> None:
        """Delete every key with all that is below it, in one transaction; what is not there is skipped.

        :raises InvalidKeyError: for the root of the tree.
        :raises ConflictError: if others kept changing the same znodes.
        """
        wanted = list(keys)
        self.retrying(lambda: plan_delete(self.transaction(), wanted))

    def rename(self, pairs: Iterable[tuple[Key, Key]]) -> None:
        """Move every first key, with all that is below it, to its second, in one transaction.

        :raises NotFoundError: if a source is missing.
        :raises InvalidKeyError: if a target is below its source.
        :raises ConflictError: if a target exists, or others kept changing the same znodes.
        """
        wanted = list(pairs)
        self.retrying(lambda: plan_rename(self.transaction(), wanted))

    def retrying(self, make: Callable[[], PlanT]) -> PlanT:
        """Plan a change from the tree as it is and commit it; if another client was faster, plan again.

        :returns: the plan that was committed.
        :raises ConflictError: if another client was faster every time.
        """
        return retry(make)

    def commit_parts(self, parts: Iterable[Transaction]) -> None:
        """Commit *parts* in order, each of them whole, as many in one transaction as fit.

        :raises ConflictError: if the tree is not as one of them expects it; those before it are written.
        """
        execute(self.store, [part.ops for part in parts], guards=self._guards())

    def execute(
        self,
        items: Sequence[_Item],
        plan: Callable[[Sequence[_Item]], list[StepT]],
        item_of: Callable[[StepT], _Item],
        *,
        on_progress: Callable[[int, int], object] = lambda _done, _all: None,
    ) -> tuple[list[StepT], list[Failure[_Item]]]:
        """Change many items, unless the schema version changes meanwhile.

        See :func:`pvc_cli.zk.execute.execute_steps`.
        """
        return execute_steps(self.store, items, plan, item_of, guards=self._guards(), on_progress=on_progress)

    def _guards(self) -> list[Op]:
        """Return the steps that refuse a transaction once the schema version is not the one that keys resolve by."""
        _ = self.schema
        return self._base.guards if self._base else []

    # Watching and locking

    def watcher(self, *, settle: float = 0.1, on_change: Callable[[], None] | None = None) -> Watcher:
        """Return something that waits for changes of keys.

        :param settle: how long, in seconds, it waits after a change for others that come with it.
        :param on_change: is called at each change, on a thread that it may not block.
        """
        from pvc_cli.zk.watch import Watcher

        if self._connection is None and self._store is not None:
            raise RefusedError("cannot watch a backup, which never changes: use a running cluster, or drop --watch")
        return Watcher(
            self._require_connection(), self.store, lambda: self.schema, settle=settle, on_change=on_change
        )

    def readlock(self, key: Key, on_wait: OnWait = None) -> Lock:
        """Return a lock that others may share, but no writer: use it in a ``with`` statement.

        :param on_wait: is told, every second, who holds the lock, if it has to be waited for.
        :raises LockError: at once, creating nothing, if the key does not exist or the schema version lacks it.
        """
        return self._lock("readlock", key, on_wait)

    def writelock(self, key: Key, on_wait: OnWait = None) -> Lock:
        """Return a lock that keeps out readers and writers; otherwise like :meth:`readlock`."""
        return self._lock("writelock", key, on_wait)

    def exclusivelock(self, key: Key, on_wait: OnWait = None) -> Lock:
        """Return a lock that keeps out every other exclusive one; otherwise like :meth:`readlock`."""
        return self._lock("exclusivelock", key, on_wait)

    def _lock(self, kind: LockKind, key: Key, on_wait: OnWait) -> Lock:
        path = self.schema.path(key)
        if path is None:
            raise LockError(f"cannot lock {key!r}: schema version {self.schema.version} has no such key")
        if self.store.read([Read(path)]) == [None]:
            raise LockError(f"cannot lock {path}: it does not exist; check that the item still exists")
        return self.store.lock(kind, path, on_wait)
