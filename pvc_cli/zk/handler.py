"""The tree of one PVC cluster, addressed by the keys of its schema."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar, cast

from pvc_cli.errors import LockError, PvcError, RefusedError
from pvc_cli.zk.access import NO_ACCESS, Access
from pvc_cli.zk.base import Base, read_base
from pvc_cli.zk.execute import Failure, PlanT, StepT, execute, execute_steps, retry
from pvc_cli.zk.reads import Names, Values, read_trees, request, request_rows
from pvc_cli.zk.schema import Key, ZKSchema, find_schema
from pvc_cli.zk.schema.definition import versions
from pvc_cli.zk.store import Lock, LockKind, OnWait, Op, Read, Store, Znode
from pvc_cli.zk.transaction import Transaction, plan_delete, plan_rename, plan_write

if TYPE_CHECKING:
    from pvc_cli.zk.connection import Connection
    from pvc_cli.zk.contenders import Contender
    from pvc_cli.zk.ensemble import EnsembleReport
    from pvc_cli.zk.undo import OnChange
    from pvc_cli.zk.watch import Watcher

_NOT_CONNECTED = "the handler is not connected: call connect(), or use it in a with statement"


_Item = TypeVar("_Item")
_SERVERS_ANSWER_WITHIN = 2.0


class ZKHandler:
    """Reads and changes a PVC tree by schema keys. Safe to use from several threads.

    A key that the cluster's schema version lacks has no path: it reads as None, does not exist, and is skipped
    by every change. Use it as a context manager, or call :meth:`connect` and :meth:`disconnect`::

        with ZKHandler("hv1:2181,hv2:2181,hv3:2181") as zk:
            zk.read(("domain.state", uuid))

    :param hosts: ``HOST[:PORT],…[/chroot]``.
    :param access: how to authenticate.
    :param timeout: seconds to wait for an answer.
    :param session_timeout: seconds after which the servers end the session of a client that went silent.
    :param multiread: False to read without ZooKeeper's `multiRead`; servers before 3.6 are detected anyway.
    :param on_event: is told, in a sentence each, when the session is opened, suspended, resumed and closed.
    :param before_change: is called before every transaction that is sent.
    :param on_change: is told what each transaction is about to change; what it returns is told what that has changed.
    :param lock_timeout: seconds to wait for a lock; a killed holder's is free after its session's timeout.
    :param lock_holder: shown to those who wait for our locks; by default, the number of this process.
    :param schema_dir: where an installed PVC defines newer schema versions; by default, PVC's own place.
    """

    def __init__(
        self,
        hosts: str,
        *,
        access: Access = NO_ACCESS,
        timeout: float = 10.0,
        session_timeout: float = 10.0,
        multiread: bool = True,
        on_event: Callable[[str], None] | None = None,
        before_change: Callable[[], None] | None = None,
        on_change: OnChange | None = None,
        lock_timeout: float = 30.0,
        lock_holder: str = "",
        schema_dir: str | Path | None = None,
    ) -> None:
        self.hosts = hosts
        self.timeout = timeout
        self._access = access
        self._session_timeout = session_timeout
        self._multiread = multiread
        self._on_event = on_event
        self._before_change = before_change
        self._on_change = on_change
        self._lock_timeout = lock_timeout
        self._lock_holder = lock_holder
        self._schema_dir = schema_dir
        self._connection: Connection | None = None
        self._store: Store | None = None
        self._schema: ZKSchema | None = None
        self._base: Base | None = None

    @classmethod
    def over(cls, store: Store, *, hosts: str = "", schema_dir: str | Path | None = None) -> ZKHandler:
        """Return a handler that reads from and commits to *store*; it has no session, and so no watches.

        :param hosts: what stands in their place.
        """
        handler = cls(hosts, schema_dir=schema_dir)
        handler._store = store
        return handler

    def connect(self) -> None:
        """Open the session; does nothing on one that is open.

        :raises UnreachableError: if no server answers in time.
        :raises ConfigError: if the hosts are invalid, or the chroot does not exist.
        """
        if self._connection:
            return
        # Imported here: reading the schema or a help page does not need kazoo.
        from pvc_cli.zk.connection import Connection
        from pvc_cli.zk.live import LiveStore

        connection = Connection(
            self.hosts,
            timeout=self.timeout,
            session_timeout=self._session_timeout,
            on_event=self._on_event,
            access=self._access,
        )
        connection.start(meanwhile=versions)
        self._connection = connection
        self._store = LiveStore(
            connection,
            multiread=self._multiread,
            before_change=self._before_change,
            on_change=self._on_change,
            lock_timeout=self._lock_timeout,
            lock_holder=self._lock_holder,
        )

    def tolerant(self) -> tuple[ZKHandler, dict[str, None]]:
        """Return a view of this handler that reads as missing what access control lists forbid, and their paths.

        That is for listings and backups: what would be decided on it could be wrong.
        """
        denied: dict[str, None] = {}
        view = copy.copy(self)
        view._store = self.store.tolerant(denied)
        return view, denied

    def disconnect(self) -> None:
        """Close the session; does nothing on one that is closed."""
        connection, self._connection, self._store, self._schema = self._connection, None, None, None
        if connection:
            connection.stop()

    def __enter__(self) -> ZKHandler:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    def announce_change(self) -> None:
        """Have a change outside the tree checked and logged before it is made, as a transaction would be."""
        if self._before_change:
            self._before_change()

    @property
    def is_live(self) -> bool:
        """Whether this is a running cluster, not a backup."""
        return self._connection is not None

    @property
    def is_connected(self) -> bool:
        """Whether a server answers, as far as is known without asking; a backup always does."""
        return self._connection is None or bool(self._connection.client.connected)

    @property
    def session_id(self) -> int | None:
        """The number of the session; None without one."""
        found = self._connection and self._connection.client.client_id
        return int(found[0]) if found else None

    @property
    def store(self) -> Store:
        """What this handler reads from and commits to."""
        if self._store is None:
            raise PvcError(_NOT_CONNECTED)
        return self._store

    def _require_connection(self) -> Connection:
        if self._connection is None:
            raise PvcError(_NOT_CONNECTED)
        return self._connection

    @property
    def schema(self) -> ZKSchema:
        """The schema of the cluster's version, read at the first use.

        :raises SchemaError: if the version cannot be read, or this pvc does not know it.
        """
        if self._schema is None:
            base = self.read_base()
            self._schema, self._base = self.schema_at(base.version), base
        return self._schema

    def schema_at(self, version: int | None = None) -> ZKSchema:
        """Return the schema of any version, by default the newest that is known.

        :raises SchemaError: if neither this pvc nor an installed PVC knows the version.
        """
        return find_schema(version, self._schema_dir)

    def refresh_schema(self) -> ZKSchema:
        """Look again which schema version the cluster has, and return its schema."""
        self._schema = None
        return self.schema

    @property
    def last_zxid(self) -> int:
        """The number of the last transaction that the servers told of."""
        return self.store.last_zxid

    @property
    def base(self) -> Base:
        """The schema version by which keys resolve, as it was read."""
        _ = self.schema
        return self._base or self.read_base()

    @property
    def known_base(self) -> Base | None:
        """The same, if it was read already."""
        return self._base

    def read_base(self) -> Base:
        """Read which schema version the cluster has now; what is decided on it is judged by it later."""
        return read_base(self.store)

    # Reading

    def read(self, key: Key) -> str | None:
        """Return the value of *key*, or None if there is none."""
        return self.read_many([key])[0]

    def read_many(self, keys: Iterable[Key]) -> list[str | None]:
        """Return the value of each of *keys*, None where there is none, in one batch."""
        return self.request(keys)()[0]

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

    def ask_servers(self) -> Callable[[], EnsembleReport] | None:
        """Ask each server of the cluster how it is; return what waits for the answers, None on a backup.

        That opens connections of its own. Answers are waited for two seconds from now at most, less where
        :attr:`timeout` is shorter; what comes later counts if nobody waited before.
        """
        if self._connection is None:
            return None
        from pvc_cli.zk.ensemble import ask_servers

        patience = min(self.timeout, _SERVERS_ANSWER_WITHIN)
        return ask_servers(self.hosts, self._access, patience=patience, timeout=self.timeout)

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
