"""The tree of one PVC cluster, addressed by the keys of its schema."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeVar

from pvc_cli.errors import (
    InvalidKeyError,
    LockError,
    NotFoundError,
    PvcError,
    RefusedError,
    SchemaError,
    quoted,
)
from pvc_cli.zk.access import NO_ACCESS, Access
from pvc_cli.zk.reader import TreeReader
from pvc_cli.zk.schema import Key, ZKSchema, find_schema, parse_version
from pvc_cli.zk.schema.definition import versions
from pvc_cli.zk.store import CommitConflictError, Lock, LockKind, Op, Read, Store, Znode
from pvc_cli.zk.transaction import Transaction
from pvc_cli.zk.tree import outermost, read_trees

if TYPE_CHECKING:
    from pvc_cli.zk.connection import Connection
    from pvc_cli.zk.watch import Watcher

_ATTEMPTS = 8
_CHUNK_BYTES = 400_000
_NOT_CONNECTED = "the handler is not connected: call connect(), or use it in a with statement"


class _Committable(Protocol):
    def commit(self) -> None: ...


Plan = TypeVar("Plan", bound=_Committable)
"""A transaction, or something that commits several."""


class ZKHandler(TreeReader):
    """Reads and changes a PVC tree by schema keys. Safe to use from several threads.

    A key that the cluster's schema version lacks has no path: it reads as None, does not exist, and is skipped
    by every change. Use it as a context manager, or call :meth:`connect` and :meth:`disconnect`::

        with ZKHandler("hv1:2181,hv2:2181,hv3:2181") as zk:
            zk.read(("domain.state", uuid))

    :param hosts: ``HOST[:PORT],…[/chroot]``.
    :param access: how to be let in, for servers that ask.
    :param timeout: how long, in seconds, to wait for an answer.
    :param session_timeout: how long, in seconds, the servers keep a session that went silent.
    :param multiread: False to read without ZooKeeper's `multiRead`, as servers before 3.6 need it; whether
        a server knows it is found out without being told.
    :param report: is told, in one sentence each, when the session is opened, suspended, resumed and closed.
    :param before_change: is called before every transaction that is sent.
    :param lock_holder: who holds our locks, for those who wait for them; the number of this process if not given.
    :param schema_dir: where an installed PVC defines schema versions newer than those that come with pvc; PVC's own
        place if not given.
    """

    def __init__(
        self,
        hosts: str,
        *,
        access: Access = NO_ACCESS,
        timeout: float = 10.0,
        session_timeout: float = 10.0,
        multiread: bool = True,
        report: Callable[[str], None] | None = None,
        before_change: Callable[[], None] | None = None,
        lock_holder: str = "",
        schema_dir: Path | None = None,
    ) -> None:
        self.hosts = hosts
        self.timeout = timeout
        self._access = access
        self._session_timeout = session_timeout
        self._multiread = multiread
        self._report = report
        self._before_change = before_change
        self._lock_holder = lock_holder
        self._schema_dir = schema_dir
        self._connection: Connection | None = None
        self._store: Store | None = None
        self._schema: ZKSchema | None = None
        self._schema_guard: Op | None = None

    @classmethod
    def over(cls, store: Store, *, schema_dir: Path | None = None) -> ZKHandler:
        """Return a handler that reads from and commits to *store*; it has no session, and so no watches."""
        handler = cls("", schema_dir=schema_dir)
        handler._store = store
        return handler

    def connect(self) -> None:
        """Open the session; does nothing on one that is open.

        :raises UnreachableError: if no server answers in time.
        :raises ConfigError: if the hosts make no sense, or the chroot does not exist.
        """
        if self._connection:
            return
        # Imported here: whoever only looks at the schema or at a help page need not wait for kazoo.
        from pvc_cli.zk.connection import Connection
        from pvc_cli.zk.live import LiveStore

        connection = Connection(
            self.hosts,
            timeout=self.timeout,
            session_timeout=self._session_timeout,
            report=self._report,
            access=self._access,
        )
        connection.start(meanwhile=versions)
        self._connection = connection
        self._store = LiveStore(
            connection,
            multiread=self._multiread,
            before_change=self._before_change,
            lock_holder=self._lock_holder,
        )

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
            self._schema = self.schema_at(self._read_version())
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

    def schema_guard(self) -> Op | None:
        """Return a step that refuses a transaction once somebody changed the cluster's schema version.

        For what takes long: keys that were right when it began may be none any more. None for a cluster that has
        no version written down.
        """
        _ = self.schema
        return self._schema_guard

    def _read_version(self) -> int:
        # The one path that every version agrees on: it has to be known before the version is.
        path = ZKSchema.at(0).path("base.schema.version")
        (znode,) = self.store.fetch([Read(path or "")])
        text = znode.text if isinstance(znode, Znode) else ""
        self._schema_guard = Op("check", path or "", version=znode.version) if isinstance(znode, Znode) else None
        version = parse_version(text)
        if version is None:
            raise SchemaError(f"{path} holds {quoted(text[:40])}, which is no schema version: put it right by hand")
        return version

    # Changing

    def transaction(self) -> Transaction:
        """Return an empty transaction: gather changes in it, look at them, commit them."""
        return Transaction(self.store, self.schema)

    def write(self, pairs: Iterable[tuple[Key, str]]) -> None:
        """Create or update every key with its value, in one transaction.

        A new znode's parent must exist, or come earlier in *pairs*: a value for an item that is gone must not
        bring back half of it.

        :raises NotFoundError: if a parent is missing.
        :raises ConflictError: if others kept changing the same znodes.
        """
        wanted: dict[str, bytes] = {}
        for key, value in pairs:
            if (path := self.schema.path(key)) is not None:
                wanted[path] = value.encode()
        parents = {path: path.rpartition("/")[0] or "/" for path in wanted}

        def plan() -> Transaction:
            known = list(dict.fromkeys((*wanted, *parents.values())))
            found = dict(zip(known, self.store.fetch([Read(path) for path in known]), strict=True))
            there = {path for path, znode in found.items() if znode is not None}
            transaction = self.transaction()
            for path, data in wanted.items():
                if parents[path] not in there:
                    raise NotFoundError(f"{path} cannot be written: there is no {parents[path]}")
                transaction.add(Op("set" if path in there else "create", path, data))
                there.add(path)
            return transaction

        self.retrying(plan)

    def delete(self, keys: Iterable[Key]) -> None:
        """Delete every key with all that is below it, in one transaction; what is not there is skipped.

        :raises InvalidKeyError: for the root of the tree.
        :raises ConflictError: if others kept changing the same znodes.
        """
        paths = [path for path in map(self.schema.path, keys) if path is not None]
        if "/" in paths:
            raise InvalidKeyError("the root of the tree is not deleted: name what is below it")

        def plan() -> Transaction:
            transaction = self.transaction()
            for tree in read_trees(self.store, outermost(paths)):
                transaction.delete_tree(tree)
            return transaction

        self.retrying(plan)

    def rename(self, pairs: Iterable[tuple[Key, Key]]) -> None:
        """Move every first key, with all that is below it, to its second, in one transaction.

        :raises NotFoundError: if a source is missing.
        :raises ConflictError: if a target exists, or others kept changing the same znodes.
        """
        resolved = [(self.schema.path(source), self.schema.path(target)) for source, target in pairs]
        moves = [(source, target) for source, target in resolved if source and target and source != target]
        for source, target in moves:
            if source == "/" or f"{target}/".startswith(f"{source}/"):
                raise InvalidKeyError(f"{source} cannot be moved to {target}, which is below it")

        def plan() -> Transaction:
            transaction = self.transaction()
            for (source, target), tree in zip(moves, read_trees(self.store, [m[0] for m in moves]), strict=True):
                if not tree:
                    raise NotFoundError(f"{source} cannot be moved: it is not there")
                for path in sorted(tree):
                    transaction.add(Op("create", target + path[len(source) :], tree[path].data))
                transaction.delete_tree(tree)
            return transaction

        self.retrying(plan)

    def commit_parts(self, parts: Iterable[Transaction]) -> None:
        """Commit *parts* in order, each of them whole, as many in one transaction as fit.

        :raises ConflictError: if the tree is not as one of them wants it; those before it are written.
        """
        together = self.transaction()
        for part in parts:
            if together.ops and together.size + part.size > _CHUNK_BYTES:
                together.commit()
                together = self.transaction()
            for op in part.ops:
                together.add(op)
        together.commit()

    def retrying(self, make: Callable[[], Plan]) -> Plan:
        """Make a plan from the tree as it is and commit it; where somebody else was faster, plan again.

        :returns: the plan that was committed.
        :raises ConflictError: if somebody else was faster every time.
        """
        for attempt in range(_ATTEMPTS):
            plan = make()
            try:
                plan.commit()
            except CommitConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads rivals, no secret
            else:
                break
        return plan

    # Watching and locking

    def watcher(self, *, settle: float = 0.1) -> Watcher:
        """Return something that waits for changes of keys.

        :param settle: how long, in seconds, it waits after a change for others that come with it.
        """
        from pvc_cli.zk.watch import Watcher

        if self._connection is None and self._store is not None:
            raise RefusedError(
                "a backup never changes, and cannot be watched: name a running cluster, or leave out --watch"
            )
        return Watcher(self._require_connection(), self.store, lambda: self.schema, settle=settle)

    def readlock(self, key: Key) -> Lock:
        """Return a lock that others may share, but no writer: use it in a ``with`` statement.

        :raises LockError: at once, creating nothing, if the key does not exist or the schema version lacks it.
        """
        return self._lock("readlock", key)

    def writelock(self, key: Key) -> Lock:
        """Return a lock that keeps out readers and writers; otherwise like :meth:`readlock`."""
        return self._lock("writelock", key)

    def exclusivelock(self, key: Key) -> Lock:
        """Return a lock that keeps out every other exclusive one; otherwise like :meth:`readlock`."""
        return self._lock("exclusivelock", key)

    def _lock(self, kind: LockKind, key: Key) -> Lock:
        path = self.schema.path(key)
        if path is None:
            raise LockError(f"there is no key {key!r} to lock in schema version {self.schema.version}")
        if self.store.fetch([Read(path)]) == [None]:
            raise LockError(f"there is no {path} to lock: check that the item still exists")
        return self.store.lock(kind, path)
